package singer

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestObjectsKeepTheirOrderAndTheLastOfEqualNames(t *testing.T) {
	for _, count := range []int{1, 15, 16, 17, 40} {
		var members []string
		var want object
		for i := range count {
			members = append(members, fmt.Sprintf(`"n%d":0`, i))
			want = append(want, member{fmt.Sprintf("n%d", i), json.RawMessage(fmt.Sprint(i))})
		}
		for i := range count {
			members = append(members, fmt.Sprintf(`"\u006e%d" : %d`, i, i))
		}
		got, err := parseObject([]byte("{" + strings.Join(members, ",") + "}"))
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(member{})); diff != "" || err != nil {
			t.Errorf("%d members (-want +got):\n%s%v", count, diff, err)
		}
	}
	if _, err := parseObject([]byte(`{"a":1`)); err == nil {
		t.Error("half an object is taken")
	}
}

func TestObjectTakesMembersOut(t *testing.T) {
	o, _ := parseObject([]byte(`{"a":1,"b":2,"c":3}`))
	if got := string(o.take("b")); got != "2" || o.take("b") != nil || len(o) != 2 || string(o.get("c")) != "3" {
		t.Errorf("took %s, left %v", got, o)
	}
}
