//go:build peers

package bench

import (
	"context"

	"github.com/closekit/closekit/bench/gen/ogenclose"
	"github.com/closekit/closekit/bench/memrt"
)

type ogenSec struct{}

func (ogenSec) ApiKeyAuth(context.Context, ogenclose.OperationName) (ogenclose.ApiKeyAuth, error) {
	return ogenclose.ApiKeyAuth{Username: apiKey}, nil
}

func init() {
	registry = append(registry, func(t *memrt.Transport) contender {
		c, err := ogenclose.NewClient(base, ogenSec{}, ogenclose.WithClient(t.Client()))
		if err != nil {
			panic(err)
		}
		return contender{
			name: "peer-ogen",
			list: func(ctx context.Context) (int, error) {
				p, err := c.LeadsList(ctx, ogenclose.LeadsListParams{Limit: ogenclose.NewOptInt(leads)})
				if err != nil {
					return 0, err
				}
				return len(p.Data), nil
			},
			create: func(ctx context.Context) (int, error) {
				o, err := c.OpportunitiesCreate(ctx, &ogenclose.CreateOpportunity{
					LeadID:      ogenclose.NewOptNilString(leadID),
					StatusID:    ogenclose.NewOptNilString(statusID),
					Note:        ogenclose.NewOptNilString(note),
					Confidence:  ogenclose.NewOptNilInt(60),
					Value:       ogenclose.NewOptNilInt(125000),
					ValuePeriod: ogenclose.NewOptNilOpportunityValuePeriod(ogenclose.OpportunityValuePeriodMonthly),
				})
				if err != nil {
					return 0, err
				}
				return o.Value.Value, nil
			},
			me: func(ctx context.Context) (int, error) {
				m, err := c.UsersGetMe(ctx, ogenclose.UsersGetMeParams{})
				if err != nil {
					return 0, err
				}
				return len(m.ID), nil
			},
		}
	})
}
