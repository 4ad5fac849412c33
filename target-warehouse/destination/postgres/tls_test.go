package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline/singer"
)

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, and its key, both in PEM.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func TestTLSModes(t *testing.T) {
	s := ownServer(t)
	certificate, key := selfSigned(t)
	if err := s.EnableTLS(certificate, key); err != nil {
		t.Fatal(err)
	}
	other, _ := selfSigned(t)
	dir := t.TempDir()
	trusted, untrusted := filepath.Join(dir, "trusted.pem"), filepath.Join(dir, "untrusted.pem")
	for path, text := range map[string][]byte{trusted: certificate, untrusted: other} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		mode, root, host string
		encrypted        bool
		want             string // a part of the failure, or ""
	}{
		{"disable", "", "", false, ""},
		{"prefer", "", "", true, ""},
		{"require", "", "", true, ""},
		{"verify-ca", trusted, "localhost", true, ""},
		{"verify-full", trusted, "", true, ""},
		{"verify-full", trusted, "localhost", true, "the server's certificate is not trusted"},
		{"verify-full", untrusted, "", true, "the server's certificate is not trusted"},
		{"verify-ca", untrusted, "", true, "the server's certificate is not trusted"},
	} {
		w, err := Open(t.Context(), Config{URL: singer.Secret(s.URL("postgres")), Host: c.host, SSLMode: c.mode, SSLRootCert: c.root})
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%+v: failure is %v", c, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		var encrypted bool
		if err := w.conn.QueryRow(t.Context(), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted); err != nil || encrypted != c.encrypted {
			t.Errorf("%+v: encrypted: %v, failure %v", c, encrypted, err)
		}
		w.Close()
	}
}
