resource "kubellm_user" "ada" {
  name         = "ada"
  display_name = "Ada Lovelace"
  email        = "ada@example.com"
  groups       = ["research"]
  labels       = { team = "research" }
}
