package recharge

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// What Options left empty stand for.
const (
	DefaultBaseURL = "https://api.rechargeapps.com"
	DefaultVersion = "2021-11"
	DefaultShare   = 0.9
	DefaultTimeout = time.Minute
)

// Options says how a [Client] talks to Recharge. Only Token is required.
type Options struct {
	Token   string // of the Admin API; it goes into a header and nowhere else
	BaseURL string // scheme and host; "": DefaultBaseURL
	Version string // of the API; "": DefaultVersion

	// Share is the part of the bucket's leak that this program may use in the long run, above 0 and at most 1;
	// 0: DefaultShare. The rest lets the bucket run empty while others are quiet.
	Share float64

	MaxRetries int           // how often a request that failed is made again; being put off by the rate limit does not count
	Timeout    time.Duration // for one attempt, the body included; 0: DefaultTimeout

	Transport http.RoundTripper // makes the connections; nil: the standard library's, with room for more idle ones
	Log       *slog.Logger      // told of each attempt that did not succeed; nil: nobody

	// OnRequest, which may be nil, is told of each attempt: the path with {id} in the place of numbers, the status of the
	// answer or 0 if none came, and the time until its body was read. It is called by the goroutine that made the request.
	OnRequest func(path string, status int, took time.Duration)
}

// A Client asks for pages and objects. It is safe for several goroutines, which share one budget.
type Client struct {
	http    *http.Client
	base    string
	token   string
	version string
	timeout time.Duration
	retries int
	bucket  *bucket
	holds   *holds
	log     *slog.Logger
	told    func(path string, status int, took time.Duration)
	urgent  bool
}

// New makes a client. It makes no request.
func New(o Options) *Client {
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.OnRequest == nil {
		o.OnRequest = func(string, int, time.Duration) {}
	}
	return &Client{
		http:    &http.Client{Transport: o.Transport, CheckRedirect: stayOnHost},
		base:    strings.TrimRight(cmp.Or(o.BaseURL, DefaultBaseURL), "/"),
		token:   strings.TrimSpace(o.Token), // secrets in files tend to end in a line break
		version: cmp.Or(o.Version, DefaultVersion),
		timeout: cmp.Or(o.Timeout, DefaultTimeout),
		retries: o.MaxRetries,
		bucket:  newBucket(strings.TrimSpace(o.Token), cmp.Or(o.Share, DefaultShare)),
		holds:   newHolds(),
		log:     cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		told:    o.OnRequest,
	}
}

// Urgent returns a client that shares c's budget, but whose requests do not wait behind those of c: a part of the
// bucket is kept free for them.
func (c *Client) Urgent() *Client {
	urgent := *c
	urgent.urgent = true
	return &urgent
}

// Budget returns what is known of the bucket now.
func (c *Client) Budget() Budget { return c.bucket.budget() }

// newTransport keeps a connection for each of the callers, who may be many; the standard transport would keep two. A
// connection of HTTP/2 that has died in silence is noticed, instead of being given to one request after the other.
func newTransport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 32
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second}
	return t
}

var errRedirect = errors.New("the server redirects to another host, where the token must not go, or too often")

func stayOnHost(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > 5 {
		return errRedirect
	}
	return nil
}
