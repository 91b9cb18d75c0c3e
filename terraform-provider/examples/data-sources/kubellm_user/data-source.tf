data "kubellm_user" "ada" {
  name = kubellm_user.ada.name
}
