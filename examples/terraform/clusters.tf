# A member cluster that models can be placed on. Its kubeconfig is never in the
# state or in a plan: give it with TF_VAR_gpu_east_kubeconfig, and count
# TF_VAR_gpu_east_kubeconfig_version up whenever another one is to be handed in.
variable "gpu_east_kubeconfig" {
  description = "A self-contained kubeconfig of the member cluster gpu-east."
  type        = string
  default     = null
  ephemeral   = true
}

variable "gpu_east_kubeconfig_version" {
  description = "Which kubeconfig it is; 0 leaves the cluster out."
  type        = number
  default     = 0
}

resource "kubellm_cluster" "gpu_east" {
  count = var.gpu_east_kubeconfig_version > 0 ? 1 : 0

  name   = "gpu-east"
  region = "us-east-1"
  labels = { team = "search" }

  kubeconfig_wo         = var.gpu_east_kubeconfig
  kubeconfig_wo_version = var.gpu_east_kubeconfig_version

  # Only those that the team's models tolerate this are placed on it.
  taints = [{ key = "example.org/team", value = "search", effect = "NoSchedule" }]

  timeouts = { create = "5m" }
}

# What the platform sees of it: apply waits until it is ready.
data "kubellm_cluster" "gpu_east" {
  count = length(kubellm_cluster.gpu_east)

  name       = kubellm_cluster.gpu_east[count.index].name
  depends_on = [kubellm_cluster.gpu_east]
}

output "gpu_east_accelerators" {
  description = "Accelerators of the member cluster, by product; how many are free changes all the time."
  value = merge([
    for cluster in data.kubellm_cluster.gpu_east : { for a in cluster.accelerators : a.product => a.capacity }
  ]...)
}
