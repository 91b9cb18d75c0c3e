resource "kubellm_role" "user_reader" {
  name        = "user-reader"
  description = "See users."

  rules = [
    {
      api_groups = ["iam.kubellm.io"]
      resources  = ["users"]
      verbs      = ["get", "list", "watch"]
    },
  ]
}
