data "kubellm_users" "research" {
  label_selector = "team=research"
}
