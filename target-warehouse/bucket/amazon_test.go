package bucket

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// captureStderr has everything go into a file that is written to stderr from now on, and returns what reads it.
func captureStderr(t *testing.T) func() string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stderr
	os.Stderr = f
	t.Cleanup(func() {
		os.Stderr = before
		_ = f.Close() // it was read
	})
	return func() string {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// setAmazon gives the process an environment without credentials, in which Amazon's machines would be asked at the address.
func setAmazon(t *testing.T, metadata string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_REGION": "", "AWS_CONFIG_FILE": os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
	} {
		t.Setenv(name, value)
	}
}

func TestAmazonsClientWritesNothingToStderr(t *testing.T) {
	asked := 0
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
	}))
	defer metadata.Close()
	setAmazon(t, metadata.URL)
	stderr := captureStderr(t)
	b := mustOpen(t, "s3://bucket?region=eu-west-1&endpoint=http://127.0.0.1:1")
	if _, err := b.ReadAll(t.Context(), "a"); err == nil || asked == 0 {
		t.Errorf("failure is %v, and the machine was asked %d times for credentials", err, asked)
	}
	if text := stderr(); text != "" {
		t.Errorf("stderr has %q", text)
	}
}

func TestCredentialsOfTheMachineAndOfAProfileAreUsed(t *testing.T) {
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/latest/api/token":
			w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "600")
			_, _ = w.Write([]byte("token"))
		case "/latest/meta-data/iam/security-credentials/", "/latest/meta-data/iam/security-credentials":
			_, _ = w.Write([]byte("role"))
		default:
			_, _ = w.Write([]byte(`{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"MACHINE","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}`))
		}
	}))
	defer metadata.Close()
	setAmazon(t, metadata.URL)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[other]\naws_access_key_id = OTHER\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file)
	for query, key := range map[string]string{"": "Credential=MACHINE/", "&profile=other": "Credential=OTHER/", "&anonymous=true": ""} {
		signed := "nothing came"
		store := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { signed = r.Header.Get("Authorization") }))
		b := mustOpen(t, "s3://bucket?region=eu-west-1&endpoint="+store.URL+query)
		if _, err := b.ReadAll(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		if (signed == "") != (key == "") || !strings.Contains(signed, key) || key != "" && !strings.Contains(signed, "/eu-west-1/s3/") {
			t.Errorf("with %q the request is signed by %q, want %q", query, signed, key)
		}
		store.Close()
	}
}

func TestRequestsAreRepeatedAsOftenAsTheEnvironmentSays(t *testing.T) {
	setAmazon(t, "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	for attempts, want := range map[string]int{"1": 1, "2": 2, "": 3} {
		t.Setenv("AWS_MAX_ATTEMPTS", attempts)
		asked := 0
		busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked++
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		if _, err := mustOpen(t, "s3://bucket?endpoint="+busy.URL).ReadAll(t.Context(), "a"); err == nil || asked != want {
			t.Errorf("with AWS_MAX_ATTEMPTS=%q the store was asked %d times, want %d: %v", attempts, asked, want, err)
		}
		busy.Close()
	}
}
