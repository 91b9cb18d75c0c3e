terraform {
  required_version = ">= 1.11"

  required_providers {
    kubellm = {
      source  = "kubellm/kubellm"
      version = ">= 0.1.0"
    }
  }
}

# The platform and the credentials come from the environment: set
# KUBELLM_KUBECONFIG, or KUBELLM_SERVER with KUBELLM_CA_CERTIFICATE and
# KUBELLM_CLIENT_CERTIFICATE, KUBELLM_CLIENT_KEY or KUBELLM_TOKEN.
provider "kubellm" {}
