// Command front stands where api.stripe.com and api.rechargeapps.com would: it takes TLS connections on port 443 of
// loopback and passes the requests on to fakes, by the host that they name.
//
//	front --ca-file ca.pem --to api.stripe.com=http://127.0.0.1:4010 --to api.rechargeapps.com=http://127.0.0.1:4020
//
// The file receives the certificate of an authority that lives as long as the process, when the port is open. Taps that
// cannot be pointed at another address are measured so, in a network of their own whose hosts file names loopback.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "front:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("front", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:443", "loopback `address` to serve on")
	file := flags.String("ca-file", "", "`file` that receives the certificate to trust")
	backends := map[string]http.Handler{}
	flags.Func("to", "`host=url` of what answers for a host; repeatable", func(text string) error {
		host, target, _ := strings.Cut(text, "=")
		address, err := url.Parse(target)
		if err != nil || address.Host == "" {
			return errors.New("want host=url, such as api.stripe.com=http://127.0.0.1:4010")
		}
		backends[host] = passOn(address)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	certificate, authority, err := certify(slices.Sorted(maps.Keys(backends)))
	if err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	if err := os.WriteFile(*file, authority, 0o644); err != nil {
		return fmt.Errorf("writing --ca-file: %w", err)
	}
	server := &http.Server{
		Handler: byHost(backends), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}},
	}
	return server.ServeTLS(listener, "", "")
}

// byHost hands a request to what answers for the host that it names.
func byHost(backends map[string]http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		backend := backends[r.Host]
		if backend == nil {
			http.Error(w, "nobody answers for "+r.Host, http.StatusMisdirectedRequest)
			return
		}
		backend.ServeHTTP(w, r)
	})
}

// Rendered as of 2022-11-15, the objects that are compared look as they do at 2023-10-16, which is the one version that
// the fake speaks.
const fakeVersion, likeIt = "2023-10-16", "2022-11-15"

// ownAccount may be asked for by its id, too, which the fake knows of connected accounts only.
const ownAccount = "/v1/accounts/acct_1FakeTapline"

// unknown are parameters that taps in use send, and that no description of the API names, by the path of the list: how
// the name begins, and the value if only one is meant. The fakes refuse what they do not know, so the front leaves these
// out, in favour of those taps.
var unknown = map[string]struct{ name, value string }{
	"/v1/subscriptions": {"expand[", "data.plan.tiers"}, // of a plan that answers show and the OpenAPI document does not
	"/collections":      {"updated_at_min", ""},         // which singer-io's tap-recharge sends for every list
}

// without writes the query of a path without what is unknown there.
func without(path string, query url.Values) string {
	p, ok := unknown[path]
	maps.DeleteFunc(query, func(name string, values []string) bool {
		return ok && strings.HasPrefix(name, p.name) && (p.value == "" || slices.Equal(values, []string{p.value}))
	})
	return query.Encode()
}

// passOn makes what answers for a host from the address of a fake.
func passOn(to *url.URL) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			if p.In.URL.Path == ownAccount {
				p.Out.URL.Path = "/v1/account"
			}
			p.Out.URL.RawQuery = without(p.In.URL.Path, p.In.URL.Query())
			p.SetURL(to)
			if p.Out.Header.Get("Stripe-Version") == likeIt {
				p.Out.Header.Set("Stripe-Version", fakeVersion)
			}
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/_control/"): // is not part of the API
			http.NotFound(w, r)
		case r.URL.Path == "/" && r.Header.Get("X-Recharge-Access-Token") != "": // which a tap asks to see whether anybody answers
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintln(w, "{}")
		default:
			proxy.ServeHTTP(w, r)
		}
	})
}

// certify makes an authority, of which only its certificate is kept, and a certificate of it for hosts. Both are valid
// for ten years on each side of today, because some who look at them live at another time.
func certify(hosts []string) (certificate tls.Certificate, authority []byte, err error) {
	from, until := time.Now().AddDate(-10, 0, 0), time.Now().AddDate(10, 0, 0)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tapline comparison"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "loopback"}, NotBefore: from, NotAfter: until,
		DNSNames: hosts, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate, nil, err
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate, nil, err
	}
	rootBytes, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return certificate, nil, err
	}
	leafBytes, err := x509.CreateCertificate(rand.Reader, leaf, root, &leafKey.PublicKey, rootKey)
	if err != nil {
		return certificate, nil, err
	}
	certificate = tls.Certificate{Certificate: [][]byte{leafBytes, rootBytes}, PrivateKey: leafKey}
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootBytes}), nil
}
