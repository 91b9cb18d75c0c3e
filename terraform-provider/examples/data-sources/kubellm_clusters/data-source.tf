data "kubellm_clusters" "research" {
  label_selector = "team=research"
}
