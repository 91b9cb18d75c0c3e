terraform {
  required_providers {
    kubellm = {
      source = "kubellm/kubellm"
    }
  }
}

provider "kubellm" {
  kubeconfig = "~/.kube/kubellm.kubeconfig"
}
