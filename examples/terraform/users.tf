# The people of the search team; a new one is one more line.
locals {
  search_team = {
    hedy     = "Hedy Lamarr"
    margaret = "Margaret Hamilton"
  }
}

resource "kubellm_user" "search" {
  for_each = local.search_team

  name         = each.key
  display_name = each.value
  email        = "${each.key}@example.org"
  groups       = ["search"]
  labels       = { team = "search" }
}

# A program is a user as well. It has no groups: whoever adds one by hand
# widens what it may do, so terraform plan shows it and apply removes it.
resource "kubellm_user" "nightly" {
  name         = "search-nightly"
  display_name = "Nightly jobs of the search team"
  labels       = { team = "search" }
}
