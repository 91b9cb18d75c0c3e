data "kubellm_role" "viewer" {
  name = "kubellm-viewer"
}
