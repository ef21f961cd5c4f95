package wiretest

import (
	"context"
	"encoding/json"

	"github.com/closekit/closekit"
	"github.com/closekit/closekit/closeapi"
)

// result is the result of a typed call, encoded with encoding/json.
type result json.RawMessage

// typed calls a typed function with parameters that were decoded from a tool's
// input, and encodes the result.
type typed func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error)

func one[P, R any](f func(context.Context, *closekit.Client, P, ...closekit.CallOption) (*R, error)) typed {
	return func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error) {
		v, err := f(ctx, c, *p.(*P), opts...)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		return b, err
	}
}

func none[P any](f func(context.Context, *closekit.Client, P, ...closekit.CallOption) error) typed {
	return func(ctx context.Context, c *closekit.Client, p any, opts ...closekit.CallOption) (result, error) {
		return nil, f(ctx, c, *p.(*P), opts...)
	}
}

// functions maps the names of tools to their typed functions.
var functions = map[string]typed{
	"close_activities_list":                 one(closeapi.ActivitiesList),
	"close_call_create":                     one(closeapi.CallCreate),
	"close_call_get":                        one(closeapi.CallGet),
	"close_call_update":                     one(closeapi.CallUpdate),
	"close_call_delete":                     none(closeapi.CallDelete),
	"close_calls_list":                      one(closeapi.CallsList),
	"close_comment_create":                  one(closeapi.CommentCreate),
	"close_comment_get":                     one(closeapi.CommentGet),
	"close_comment_update":                  one(closeapi.CommentUpdate),
	"close_comment_delete":                  none(closeapi.CommentDelete),
	"close_comments_list":                   one(closeapi.CommentsList),
	"close_contact_create":                  one(closeapi.ContactCreate),
	"close_contact_get":                     one(closeapi.ContactGet),
	"close_contact_update":                  one(closeapi.ContactUpdate),
	"close_contact_delete":                  none(closeapi.ContactDelete),
	"close_contacts_list":                   one(closeapi.ContactsList),
	"close_custom_field_contact_create":     one(closeapi.CustomFieldContactCreate),
	"close_custom_field_contact_get":        one(closeapi.CustomFieldContactGet),
	"close_custom_field_contact_update":     one(closeapi.CustomFieldContactUpdate),
	"close_custom_field_contact_delete":     none(closeapi.CustomFieldContactDelete),
	"close_custom_fields_contact_list":      one(closeapi.CustomFieldsContactList),
	"close_custom_field_lead_create":        one(closeapi.CustomFieldLeadCreate),
	"close_custom_field_lead_get":           one(closeapi.CustomFieldLeadGet),
	"close_custom_field_lead_update":        one(closeapi.CustomFieldLeadUpdate),
	"close_custom_field_lead_delete":        none(closeapi.CustomFieldLeadDelete),
	"close_custom_fields_lead_list":         one(closeapi.CustomFieldsLeadList),
	"close_custom_field_opportunity_create": one(closeapi.CustomFieldOpportunityCreate),
	"close_custom_field_opportunity_get":    one(closeapi.CustomFieldOpportunityGet),
	"close_custom_field_opportunity_update": one(closeapi.CustomFieldOpportunityUpdate),
	"close_custom_field_opportunity_delete": none(closeapi.CustomFieldOpportunityDelete),
	"close_custom_fields_opportunity_list":  one(closeapi.CustomFieldsOpportunityList),
	"close_email_create":                    one(closeapi.EmailCreate),
	"close_email_get":                       one(closeapi.EmailGet),
	"close_email_update":                    one(closeapi.EmailUpdate),
	"close_email_delete":                    none(closeapi.EmailDelete),
	"close_emails_list":                     one(closeapi.EmailsList),
	"close_lead_create":                     one(closeapi.LeadCreate),
	"close_lead_get":                        one(closeapi.LeadGet),
	"close_lead_update":                     one(closeapi.LeadUpdate),
	"close_lead_delete":                     none(closeapi.LeadDelete),
	"close_lead_merge":                      one(closeapi.LeadMerge),
	"close_leads_list":                      one(closeapi.LeadsList),
	"close_me_get":                          one(closeapi.MeGet),
	"close_note_create":                     one(closeapi.NoteCreate),
	"close_note_get":                        one(closeapi.NoteGet),
	"close_note_update":                     one(closeapi.NoteUpdate),
	"close_note_delete":                     none(closeapi.NoteDelete),
	"close_notes_list":                      one(closeapi.NotesList),
	"close_opportunities_list":              one(closeapi.OpportunitiesList),
	"close_opportunity_create":              one(closeapi.OpportunityCreate),
	"close_opportunity_get":                 one(closeapi.OpportunityGet),
	"close_opportunity_update":              one(closeapi.OpportunityUpdate),
	"close_opportunity_delete":              none(closeapi.OpportunityDelete),
	"close_pipeline_create":                 one(closeapi.PipelineCreate),
	"close_pipeline_get":                    one(closeapi.PipelineGet),
	"close_pipeline_update":                 one(closeapi.PipelineUpdate),
	"close_pipeline_delete":                 none(closeapi.PipelineDelete),
	"close_pipelines_list":                  one(closeapi.PipelinesList),
	"close_sequence_get":                    one(closeapi.SequenceGet),
	"close_sequences_list":                  one(closeapi.SequencesList),
	"close_sequence_subscription_create":    one(closeapi.SequenceSubscriptionCreate),
	"close_sequence_subscription_get":       one(closeapi.SequenceSubscriptionGet),
	"close_sequence_subscription_update":    one(closeapi.SequenceSubscriptionUpdate),
	"close_sequence_subscriptions_list":     one(closeapi.SequenceSubscriptionsList),
	"close_sms_create":                      one(closeapi.SMSCreate),
	"close_sms_get":                         one(closeapi.SMSGet),
	"close_sms_update":                      one(closeapi.SMSUpdate),
	"close_sms_delete":                      none(closeapi.SMSDelete),
	"close_sms_list":                        one(closeapi.SMSList),
	"close_task_create":                     one(closeapi.TaskCreate),
	"close_task_get":                        one(closeapi.TaskGet),
	"close_task_update":                     one(closeapi.TaskUpdate),
	"close_task_delete":                     none(closeapi.TaskDelete),
	"close_tasks_list":                      one(closeapi.TasksList),
	"close_user_get":                        one(closeapi.UserGet),
	"close_users_list":                      one(closeapi.UsersList),
	"close_webhook_create":                  one(closeapi.WebhookCreate),
	"close_webhook_get":                     one(closeapi.WebhookGet),
	"close_webhook_update":                  one(closeapi.WebhookUpdate),
	"close_webhook_delete":                  none(closeapi.WebhookDelete),
	"close_webhooks_list":                   one(closeapi.WebhooksList),
}
