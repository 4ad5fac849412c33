package singer

import (
	"errors"
	"testing"
)

func TestStreamErrorsNameEveryStreamAndTellOneReason(t *testing.T) {
	refused := &StreamError{Stream: "orders", Err: ErrCredentials}
	bad := &StreamError{Stream: "charges", Err: &RecordError{Stream: "charges", Err: errors.New("no id")}}
	for _, c := range []struct {
		failed []*StreamError
		want   string
	}{
		{[]*StreamError{nil, refused, nil}, "stream orders: credentials refused"},
		{[]*StreamError{bad}, "stream charges: no id"},
		{[]*StreamError{refused, nil, bad}, "2 streams cannot be read: orders, charges; stream orders: credentials refused"},
	} {
		if got := JoinStreamErrors(c.failed); got == nil || got.Error() != c.want {
			t.Errorf("%v, want %s", got, c.want)
		}
	}
	if err := JoinStreamErrors([]*StreamError{nil, nil}); err != nil {
		t.Errorf("no failures make %v", err)
	}
	if !errors.Is(JoinStreamErrors([]*StreamError{bad, refused}), ErrCredentials) {
		t.Error("the second failure does not count")
	}
}
