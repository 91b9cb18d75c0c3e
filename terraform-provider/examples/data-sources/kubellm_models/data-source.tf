data "kubellm_models" "of_team" {
  namespace      = "default"
  engine         = "VLLM"
  label_selector = "team=search"
}
