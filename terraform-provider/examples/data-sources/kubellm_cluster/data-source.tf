data "kubellm_cluster" "gpu_east" {
  name = kubellm_cluster.gpu_east.name
}
