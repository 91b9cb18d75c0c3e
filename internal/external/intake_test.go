package external

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubellm/kubellm/apis/generated/clientset/versioned"
	iamv1alpha1 "github.com/kubellm/kubellm/apis/iam/v1alpha1"
)

func TestSecretDue(t *testing.T) {
	last := Handover{Source: "a", Version: "v1"}
	cases := map[string]struct {
		reason  string
		secret  *Secret
		version string
		want    bool
	}{
		"Unmanaged":      {reason: "without a secret there is nothing to hand in", version: "v1"},
		"NeverHandedIn":  {reason: "nothing was ever handed in", secret: &Secret{Source: "a"}, want: true},
		"AsRemembered":   {reason: "the platform has what was handed in last", secret: &Secret{Source: "a", Last: last}, version: "v1"},
		"SourceChanged":  {reason: "the value comes from elsewhere now", secret: &Secret{Source: "b", Last: last}, version: "v1", want: true},
		"VersionChanged": {reason: "somebody else handed another in", secret: &Secret{Source: "a", Last: last}, version: "v2", want: true},
		"VersionGone":    {reason: "the object was made anew and has none", secret: &Secret{Source: "a", Last: last}, want: true},
		"NothingKept":    {reason: "a memory without a version proves nothing", secret: &Secret{Source: "a", Last: Handover{Source: "a"}}, want: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := tc.secret.due(tc.version); got != tc.want {
				t.Errorf("%s: due is %t", tc.reason, got)
			}
		})
	}
}

// TestSecretDataIsNeverShown 用各种打印与编码的方式看秘密都不出来。
func TestSecretDataIsNeverShown(t *testing.T) {
	const secret = "t0p-s3cret"
	want := Desired[Object]{Secret: &Secret{Data: SecretData{"token": []byte(secret)}, Source: "a"}}
	encoded, err := json.Marshal(want.Secret)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		shown = append(shown, fmt.Sprintf(verb, *want.Secret), fmt.Sprintf(verb, want.Secret.Data))
	}
	for _, text := range shown {
		if strings.Contains(text, secret) || strings.Contains(strings.ToLower(text), fmt.Sprintf("%x", secret)) || strings.Contains(text, fmt.Sprintf("%d", secret[0])) {
			t.Errorf("the secret is shown: %s", text)
		}
		if !strings.Contains(text, redacted) {
			t.Errorf("it is not said that something is hidden: %s", text)
		}
	}
}

// TestHandInOutlivesALaggingWatch 让监视停在交入之前：读到的仍须是交入之后的样子，否则会再交一次。
func TestHandInOutlivesALaggingWatch(t *testing.T) {
	const shown = "test.kubellm.io/version"
	before := at("a", "10")
	after := at("a", "11")
	annotation(shown, "v1")(after)
	s := &scripted{get: func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, after) }}
	kind := *testKind
	kind.Intake = &Intake[*iamv1alpha1.User]{
		Field: "credentials",
		HandIn: func(context.Context, versioned.Interface, Key, types.UID, SecretData) (string, error) {
			return "v1", nil
		},
		Version: func(u *iamv1alpha1.User) string { return u.Annotations[shown] },
		Pending: func(*iamv1alpha1.User) bool { return false },
	}
	c := s.client(t, InformerReads)
	watch := newWatched(c.platform, &kind)
	watch.objects[keyOf(before)], watch.version = before, before.ResourceVersion
	c.kind, c.reader = &kind, watch

	want := Desired[*iamv1alpha1.User]{Object: before, Secret: &Secret{Source: "a", Data: SecretData{"token": []byte("t0p-s3cret")}}}
	written, err := c.complete(t.Context(), want, before)
	if err != nil || written.Handover != (Handover{Source: "a", Version: "v1"}) {
		t.Fatalf("the secret must be handed in: %+v, error %v", written.Handover, err)
	}
	want.Secret.Last = written.Handover
	if seen, found := watch.settled(keyOf(before)); found != present || c.secretDue(want, seen) {
		t.Errorf("the watch is behind, and the secret would be handed in again: %+v", seen)
	}
}
