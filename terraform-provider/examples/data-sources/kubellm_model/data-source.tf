data "kubellm_model" "qwen" {
  namespace = "default"
  name      = kubellm_model.qwen.name

  depends_on = [kubellm_model.qwen]
}

output "qwen_endpoint" {
  value = data.kubellm_model.qwen.endpoint
}

output "qwen_clusters" {
  value = data.kubellm_model.qwen.placements[*].cluster
}
