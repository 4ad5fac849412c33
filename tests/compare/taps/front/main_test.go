package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// TestAHostIsAnsweredByItsFake asks the front as a tap does, that trusts the authority and finds the hosts on loopback.
func TestAHostIsAnsweredByItsFake(t *testing.T) {
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.RequestURI()+" "+r.Header.Get("Stripe-Version"))
	}))
	defer fake.Close()
	to, err := url.Parse(fake.URL)
	if err != nil {
		t.Fatal(err)
	}
	certificate, authority, err := certify([]string{"api.stripe.com"})
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(byHost(map[string]http.Handler{"api.stripe.com": passOn(to)}))
	front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	front.StartTLS()
	defer front.Close()
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, front.Listener.Addr().String())
		},
	}}
	for _, c := range []struct{ url, header, value, status, body string }{
		{"https://api.stripe.com/v1/charges?limit=1", "Stripe-Version", "2022-11-15", "200 OK", "/v1/charges?limit=1 2023-10-16"},
		{"https://api.stripe.com/v1/charges", "Stripe-Version", "2020-08-27", "200 OK", "/v1/charges 2020-08-27"},
		{"https://api.stripe.com/v1/accounts/acct_1FakeTapline", "Stripe-Version", "2022-11-15", "200 OK", "/v1/account 2023-10-16"},
		{"https://api.stripe.com/v1/subscriptions?expand[0]=data.plan.tiers&expand[1]=data.customer", "", "", "200 OK", "/v1/subscriptions?expand%5B1%5D=data.customer "},
		{"https://api.stripe.com/collections?limit=5&updated_at_min=2025-06-02", "", "", "200 OK", "/collections?limit=5 "},
		{"https://api.stripe.com/_control/counts", "", "", "404 Not Found", "404 page not found\n"},
		{"https://api.stripe.com/", "X-Recharge-Access-Token", "sk_1x1_fake", "200 OK", "{}\n"},
	} {
		r, err := http.NewRequest(http.MethodGet, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.Status != c.status || string(body) != c.body {
			t.Errorf("%s with %s %s: %s %q (%v), want %s %q", c.url, c.header, c.value, answer.Status, body, err, c.status, c.body)
		}
	}
	if _, err := client.Get("https://api.example.com/"); err == nil {
		t.Error("the certificate holds for a host that was not named")
	}
}
