data "kubellm_role_binding" "research_reads_users" {
  name = kubellm_role_binding.research_reads_users.name
}
