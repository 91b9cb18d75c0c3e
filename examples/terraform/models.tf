variable "hugging_face_token" {
  description = "A token of the Hugging Face Hub, for private and gated repositories."
  type        = string
  default     = null
  ephemeral   = true
}

variable "hugging_face_token_version" {
  description = "Which token it is; 0 hands none in."
  type        = number
  default     = 0
}

# A model that is served on the member cluster; it is left out where that is.
resource "kubellm_model" "qwen" {
  count = length(kubellm_cluster.gpu_east)

  namespace = "default"
  name      = "qwen3-8b"
  labels    = { team = "search" }

  source = {
    hugging_face = { repo = "Qwen/Qwen3-8B", revision = "main" }
  }
  engine = {
    type           = "VLLM"
    context_length = 32768
  }
  resources = {
    accelerator   = { count = 1 }
    memory        = "64Gi"
    shared_memory = "8Gi"
  }

  # gpu-east keeps all models off itself that do not tolerate this.
  placement = {
    cluster_selector = { match_labels = { team = "search" } }
    tolerations      = [{ key = "example.org/team", value = "search" }]
  }

  credentials_wo         = var.hugging_face_token_version > 0 ? { token = var.hugging_face_token } : null
  credentials_wo_version = var.hugging_face_token_version > 0 ? var.hugging_face_token_version : null

  # terraform plan shows where it would be placed: once the cluster is ready.
  depends_on = [kubellm_cluster.gpu_east]
}

# Where it really is: apply waits until it is ready.
data "kubellm_model" "qwen" {
  count = length(kubellm_model.qwen)

  namespace  = kubellm_model.qwen[count.index].namespace
  name       = kubellm_model.qwen[count.index].name
  depends_on = [kubellm_model.qwen]
}

output "qwen_clusters" {
  description = "Member clusters that the model runs on."
  value       = flatten([for model in data.kubellm_model.qwen : model.placements[*].cluster])
}

output "qwen_endpoint" {
  description = "Address that requests are sent to."
  value       = one([for model in data.kubellm_model.qwen : model.endpoint])
}
