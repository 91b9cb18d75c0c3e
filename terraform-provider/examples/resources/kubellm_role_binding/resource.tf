resource "kubellm_role_binding" "research_reads_users" {
  name           = "research-reads-users"
  role_ref       = { name = kubellm_role.user_reader.name }
  all_namespaces = true

  subjects = [
    { kind = "Group", name = "research" },
    { kind = "ServiceAccount", name = "reports", namespace = "research" },
  ]
}
