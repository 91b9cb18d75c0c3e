package server

import (
	"errors"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"sigs.k8s.io/yaml"
)

// secretResources 里的内容是凭据，绝不许以明文落盘。
var secretResources = []schema.GroupResource{
	{Resource: "secrets"},
	{Group: "internal.kubellm.io", Resource: "credentials"},
}

// checkEncryption 拒绝让凭据以明文落盘的配置；配置的其他错误由上游在加载时报出。
func checkEncryption(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read --encryption-provider-config: %w", err)
	}
	config := apiserverv1.EncryptionConfiguration{}
	if err := yaml.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("parse --encryption-provider-config %s: %w", file, err)
	}
	var errs []error
	for _, resource := range secretResources {
		if err := checkEncrypted(config.Resources, resource); err != nil {
			errs = append(errs, fmt.Errorf("--encryption-provider-config %s: %w", file, err))
		}
	}
	return errors.Join(errs...)
}

func checkEncrypted(entries []apiserverv1.ResourceConfiguration, resource schema.GroupResource) error {
	providers := providersOf(entries, resource)
	switch {
	case len(providers) == 0:
		return fmt.Errorf("no entry matches the resource %q, which would be stored in plain text: add it, or \"*.*\"", resource.String())
	case providers[0].Identity != nil:
		return fmt.Errorf("the first provider of the resource %q is identity, so it would be stored in plain text: put a provider that encrypts first", resource.String())
	}
	return nil
}

// providersOf 按上游的次序找：点名的、整组的、全部的。
func providersOf(entries []apiserverv1.ResourceConfiguration, resource schema.GroupResource) []apiserverv1.ProviderConfiguration {
	for _, match := range []schema.GroupResource{resource, {Group: resource.Group, Resource: "*"}, {Group: "*", Resource: "*"}} {
		for _, entry := range entries {
			for _, name := range entry.Resources {
				if schema.ParseGroupResource(name) == match {
					return entry.Providers
				}
			}
		}
	}
	return nil
}
