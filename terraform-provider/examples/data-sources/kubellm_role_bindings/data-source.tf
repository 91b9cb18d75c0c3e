data "kubellm_role_bindings" "of_user_reader" {
  role = "user-reader"
}
