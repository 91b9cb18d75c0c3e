variable "gpu_east_kubeconfig" {
  description = "A self-contained kubeconfig of the member cluster."
  type        = string
  ephemeral   = true
}

resource "kubellm_cluster" "gpu_east" {
  name   = "gpu-east"
  region = "us-east-1"
  zones  = ["us-east-1a", "us-east-1b"]

  # Never in the state or in a plan. Count the version up to hand in another kubeconfig.
  kubeconfig_wo         = var.gpu_east_kubeconfig
  kubeconfig_wo_version = 1

  heartbeat = { interval_seconds = 15 }

  timeouts = { create = "5m" }
}
