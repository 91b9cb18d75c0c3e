variable "hugging_face_token" {
  description = "A token of the Hugging Face Hub."
  type        = string
  default     = "hf_example"
  ephemeral   = true
}

resource "kubellm_model" "qwen" {
  namespace = "default"
  name      = "qwen3-8b"
  labels    = { team = "search" }

  source = {
    hugging_face = { repo = "Qwen/Qwen3-8B", revision = "main" }
  }
  engine = {
    type           = "VLLM"
    args           = ["--enable-prefix-caching"]
    context_length = 32768
  }
  resources = {
    accelerator   = { count = 1, products = ["NVIDIA-H100-80GB-HBM3"] }
    memory        = "64Gi"
    shared_memory = "8Gi"
  }
  placement = {
    cluster_names = [kubellm_cluster.gpu_east.name]
    failover      = { after_seconds = 600 }
  }
  scaling = { replicas = 2 }

  # Never in the state or in a plan. Count the version up to hand in another token.
  credentials_wo         = { token = var.hugging_face_token }
  credentials_wo_version = 1

  timeouts = { create = "90m" }

  # The cluster's accelerators are known once it is ready.
  depends_on = [kubellm_cluster.gpu_east]
}

# What the platform said it would do, when the model was last written.
output "qwen_plan" {
  value = kubellm_model.qwen.plan
}
