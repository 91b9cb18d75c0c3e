data "kubellm_roles" "all" {}
