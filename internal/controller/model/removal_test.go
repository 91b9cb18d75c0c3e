package model

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestRefuses 成员听见了而不许，与够不着成员，是两回事：前者要人去成员上放行。
func TestRefuses(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for why, test := range map[string]struct {
		err     error
		refuses bool
	}{
		"a right is lacking":                      {apierrors.NewForbidden(deployments, "chat", errors.New("no right to delete")), true},
		"an admission webhook says no":            {apierrors.NewGenericServerResponse(http.StatusBadRequest, "delete", deployments, "chat", "denied", 0, false), true},
		"an admission webhook does not answer":    {apierrors.NewInternalError(errors.New("failed calling webhook")), true},
		"the credentials are not accepted":        {apierrors.NewUnauthorized("Unauthorized"), false},
		"the member is not ready":                 {apierrors.NewServiceUnavailable("etcd failed"), false},
		"the member has too much to do":           {apierrors.NewTooManyRequests("later", 1), false},
		"the member has run out of time":          {apierrors.NewServerTimeout(deployments, "delete", 1), false},
		"the connection breaks":                   {errors.New("connection refused"), false},
		"there is no time left for a whole round": {context.DeadlineExceeded, false},
	} {
		if got := refuses(fmt.Errorf("delete Deployment chat: %w", test.err)); got != test.refuses {
			t.Errorf("%s: it is a refusal: %t, want %t", why, got, test.refuses)
		}
	}
}
