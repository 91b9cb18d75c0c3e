# Data sources read any object of the platform, whoever manages it.
data "kubellm_role" "viewer" {
  name = "kubellm-viewer" # the platform makes this one itself
}

data "kubellm_users" "search" {
  label_selector = "team=search"

  depends_on = [kubellm_user.search, kubellm_user.nightly]
}

data "kubellm_role_bindings" "directory_readers" {
  role = kubellm_role.directory_reader.name

  depends_on = [kubellm_role_binding.directory_readers]
}

output "search_team" {
  description = "Mail addresses of the users with the label team=search, by name."
  value       = { for user in data.kubellm_users.search.users : user.name => user.email }
}

output "directory_reader_bindings" {
  description = "Names of the role bindings that grant the role."
  value       = [for binding in data.kubellm_role_bindings.directory_readers.role_bindings : binding.name]
}

output "viewer_verbs" {
  description = "What the platform's own viewer role permits."
  value       = distinct(flatten([for rule in data.kubellm_role.viewer.rules : rule.verbs]))
}
