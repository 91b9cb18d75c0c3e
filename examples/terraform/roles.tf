# To see who is on the platform and what they may do, and to change nothing.
resource "kubellm_role" "directory_reader" {
  name        = "directory-reader"
  description = "See users, roles and role bindings."

  rules = [
    {
      api_groups = ["iam.kubellm.io"]
      resources  = ["users", "roles", "rolebindings"]
      verbs      = ["get", "list", "watch"]
    },
  ]
}

# Everybody in the group "search" holds the role, and so does the nightly job.
resource "kubellm_role_binding" "directory_readers" {
  name           = "search-directory-readers"
  role_ref       = { name = kubellm_role.directory_reader.name }
  all_namespaces = true

  subjects = [
    { kind = "Group", name = "search" },
    { kind = "User", name = kubellm_user.nightly.name },
  ]
}
