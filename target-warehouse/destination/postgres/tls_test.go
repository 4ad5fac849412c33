package postgres

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapline/singer"
	"tapline/target-warehouse/destination/destinationtest"
	"tapline/target-warehouse/table"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	text        []byte // in PEM
}

// sign makes a certificate for 127.0.0.1 or, if it has a name, for a client of that name, and its key, both in PEM. A nil
// authority stands for the certificate itself.
func (a *authority) sign(t *testing.T, name string) (certificate, key []byte, made *authority) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: a == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if a == nil {
		a = &authority{certificate: template, key: private}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), &authority{template, private, certificate}
}

// selfSigned makes a certificate for 127.0.0.1 that is its own authority, and its key, both in PEM.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	certificate, key, _ = (*authority)(nil).sign(t, "")
	return certificate, key
}

// writeFiles writes files into a new directory and returns their paths.
func writeFiles(t *testing.T, files ...[]byte) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for i, text := range files {
		path := filepath.Join(dir, fmt.Sprint(i, ".pem"))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestTLSModes(t *testing.T) {
	s := ownServer(t)
	certificate, key := selfSigned(t)
	if err := s.EnableTLS(certificate, key); err != nil {
		t.Fatal(err)
	}
	other, _ := selfSigned(t)
	paths := writeFiles(t, certificate, other)
	trusted, untrusted := paths[0], paths[1]
	for _, c := range []struct {
		mode, root, host string
		encrypted        bool
		want             string // a part of the failure, or ""
	}{
		{"disable", "", "", false, ""},
		{"allow", "", "", false, ""},
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

func TestClientCertificates(t *testing.T) {
	s := ownServer(t)
	certificate, key := selfSigned(t)
	_, _, clients := (*authority)(nil).sign(t, "clients")
	if err := errors.Join(s.EnableTLS(certificate, key), s.RequireCertificate(clients.text, "certified")); err != nil {
		t.Fatal(err)
	}
	admin := connect(t, s.URL("postgres"))
	mustExec(t, admin, "CREATE ROLE certified LOGIN; CREATE SCHEMA certified AUTHORIZATION certified")
	right, rightKey, _ := clients.sign(t, "certified")
	wrong, wrongKey, _ := clients.sign(t, "somebody")
	strange, strangeKey, _ := (*authority)(nil).sign(t, "certified")
	paths := writeFiles(t, certificate, right, rightKey, wrong, wrongKey, strange, strangeKey)
	for _, c := range []struct {
		name, certificate, key string
		want                   string // a part of the failure, or ""
	}{
		{"the right one", paths[1], paths[2], ""},
		{"none", "", "", "certificate"},
		{"another's", paths[3], paths[4], "certificate authentication failed"},
		{"one of another authority", paths[5], paths[6], "certificate"},
		{"one that is not there", paths[1] + "x", paths[2], "1.pemx"},
		{"another key", paths[1], paths[4], "private key does not match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := Open(t.Context(), Config{URL: singer.Secret(s.URL("postgres")), User: "certified", Schema: "certified",
				SSLMode: "verify-full", SSLRootCert: paths[0], SSLCert: c.certificate, SSLKey: c.key})
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("failure is %v, want one with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			mustLoad(t, w, things(0, table.Integer), destinationtest.Row{int64(1)})
		})
	}
}

// hangUp listens as a server without TLS that hangs up on whoever goes on, as one does that is just starting or stopping
// and has no more to say, and returns its URL.
func hangUp(t *testing.T, answer []byte) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			request := make([]byte, 8)
			if _, err := io.ReadFull(client, request); err == nil && string(request) == "\x00\x00\x00\x08\x04\xd2\x16\x2f" { // SSLRequest
				client.Write(answer)
			}
			client.Close()
		}
	}()
	return "postgres://me@" + listener.Addr().String() + "/db"
}

func TestServerThatHangsUpIsUnavailable(t *testing.T) {
	for _, c := range []struct {
		mode, answer string
		unavailable  bool
	}{
		{"", "N", true}, {"prefer", "N", true}, {"allow", "N", true}, {"disable", "N", true}, {"prefer", "E", true}, {"prefer", "", true},
		{"require", "", true}, {"require", "N", false}, {"verify-full", "N", false},
	} {
		_, err := Open(t.Context(), Config{URL: singer.Secret(hangUp(t, []byte(c.answer))), SSLMode: c.mode})
		if err == nil || errors.Is(err, singer.ErrUnavailable) != c.unavailable || strings.Contains(err.Error(), "does not speak TLS") == c.unavailable ||
			strings.Contains(err.Error(), refusedTLS) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: failure is %v", c, err)
		}
	}
}
