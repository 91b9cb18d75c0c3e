# Where a larger model would go, without making it.
data "kubellm_model_plan" "larger" {
  namespace = "default"
  name      = "qwen3-14b"

  source    = { hugging_face = { repo = "Qwen/Qwen3-14B" } }
  engine    = { type = "VLLM" }
  resources = { accelerator = { count = 2 } }

  depends_on = [kubellm_cluster.gpu_east]
}

output "larger_clusters" {
  value = data.kubellm_model_plan.larger.placements[*].cluster
}

output "larger_does_not_fit" {
  value = { for cluster in data.kubellm_model_plan.larger.rejected_clusters : cluster.cluster => cluster.message }
}
