package recharge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// A Request asks for one page of a list.
type Request struct {
	Path   string     // such as "/charges"
	Key    string     // the member of the answer that holds the items, such as "charges"
	Query  url.Values // filters and order of the first page; it is only read
	Cursor string     // of a later page, from the page before; Query is left out then, because Recharge refuses both together
	Limit  int        // items asked for, at most 250; 0: as many as Recharge likes, which is 50
}

// query is what is sent along with the path.
func (r Request) query() url.Values {
	sent := url.Values{}
	if r.Cursor != "" {
		sent.Set("cursor", r.Cursor)
	} else {
		for name, values := range r.Query {
			sent[name] = values
		}
	}
	if r.Limit > 0 {
		sent.Set("limit", strconv.Itoa(r.Limit))
	}
	return sent
}

// A Page is one answer of a list.
type Page struct {
	Items []json.RawMessage // as they were sent; parts of one body, which the caller owns
	Next  string            // the cursor of the page that follows; "": none does
	Date  time.Time         // the server's clock, in UTC; zero if the answer did not tell
}

// smallPage is the limit up to which a page that timed out is asked for as stubbornly as anything else.
const smallPage = 25

// Page asks for one page until it comes or there is no hope. A failure names the path and wraps an [*Error] if Recharge
// refused, and [ErrUnavailable] if it would not answer. A page of more than 25 items that times out twice is given up at
// once, so that the caller, who learns of it by [Timeout], can ask for fewer.
func (c *Client) Page(ctx context.Context, r Request) (*Page, error) {
	var page *Page
	err := c.do(ctx, call{path: r.Path, query: r.query(), shrinkable: r.Limit > smallPage}, func(a *answer) (err error) {
		page, err = readPage(a, r.Key, r.Limit)
		return err
	})
	return page, err
}

// Get asks for one object, the member key of the answer, or the whole answer if key is "". The time is the server's
// clock, as in [Page], and failures are as those of [Client.Page]. The caller owns the bytes.
func (c *Client) Get(ctx context.Context, path, key string, query url.Values) (json.RawMessage, time.Time, error) {
	var (
		object json.RawMessage
		date   time.Time
	)
	err := c.do(ctx, call{path: path, query: query}, func(a *answer) (err error) {
		object, err = readObject(a.body, key)
		date = a.date()
		return err
	})
	return object, date, err
}

// TokenInfo is what Recharge tells about the token of a client.
type TokenInfo struct {
	Name         string   // that the store's people gave the token
	ContactEmail string   // of whom to ask about the token
	ClientName   string   // of the API client that the token was made for
	ClientEmail  string   // of whom to ask about that client
	Scopes       []string // such as "read_orders"
}

// TokenInformation asks what the token may do. Any token may ask that.
func (c *Client) TokenInformation(ctx context.Context) (*TokenInfo, error) {
	const path = "/token_information"
	text, _, err := c.Get(ctx, path, "token_information", nil)
	if err != nil {
		return nil, err
	}
	var info struct {
		Name         string   `json:"name"`
		ContactEmail string   `json:"contact_email"`
		Scopes       []string `json:"scopes"`
		Client       struct {
			Name         string `json:"name"`
			ContactEmail string `json:"contact_email"`
		} `json:"client"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return &TokenInfo{
		Name: info.Name, ContactEmail: info.ContactEmail,
		ClientName: info.Client.Name, ClientEmail: info.Client.ContactEmail,
		Scopes: info.Scopes,
	}, nil
}
