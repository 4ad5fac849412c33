package singer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretShowsItselfToNobodyButReveal(t *testing.T) {
	const text = "sk_test_51H"
	settings := struct {
		Key  Secret
		Keys map[string]Secret
	}{text, map[string]Secret{"a": text}}
	asJSON, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	var logged bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("m", "key", settings.Key, "all", settings)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("m", "key", settings.Key, "all", settings)
	shown := string(asJSON) + logged.String() + settings.Key.String() + fmt.Errorf("failed: %v", settings.Key).Error()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		shown += fmt.Sprintf(verb, settings.Key) + fmt.Sprintf(verb, settings) + fmt.Sprintf(verb, &settings)
	}
	for _, form := range []string{text, fmt.Sprintf("%x", text)} {
		if strings.Contains(shown, form) {
			t.Errorf("%q shows in\n%s", form, shown)
		}
	}
	if got := settings.Key.Reveal(); got != text {
		t.Errorf("Reveal gives %q", got)
	}
	var decoded Secret
	if err := json.Unmarshal([]byte(`"abc"`), &decoded); err != nil || decoded.Reveal() != "abc" {
		t.Errorf("a JSON string decodes to %q, %v", decoded.Reveal(), err)
	}
}
