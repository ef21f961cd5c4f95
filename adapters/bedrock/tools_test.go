package closebedrock_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	closebedrock "github.com/closekit/closekit/adapters/bedrock"
	"github.com/closekit/closekit/agent"
	"github.com/closekit/closekit/internal/adaptertest"
)

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, adaptertest.Adapter{
		Loops: []adaptertest.Loop{{Name: "whole", Talk: with(assist)}, {Name: "stream", Stream: true, Talk: with(stream)}},
		Watch: watch,
	})
}

// TestMalformed has messages whose call Bedrock has left out: the model reads so, and
// calls again.
func TestMalformed(t *testing.T) {
	adaptertest.Malformed(t, with(assist))
	adaptertest.Malformed(t, with(stream))
}

func TestReadme(t *testing.T) { adaptertest.Readme(t) }

func TestLinked(t *testing.T) { adaptertest.Linked(t, "github.com/aws/aws-sdk-go") }

type talk func(context.Context, string, *agent.Session, string) (string, error)

// with runs a loop with the model at an address.
func with(loop func(context.Context, *bedrockruntime.Client, *agent.Session, string) (string, error)) talk {
	return func(ctx context.Context, model string, s *agent.Session, ask string) (string, error) {
		return loop(ctx, client(model), s, ask)
	}
}

func client(model string) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		Region: "us-east-1", BaseEndpoint: &model, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "k", SecretAccessKey: "s"}, nil
		}),
	})
}

// assist is the loop of the page README.md.
func assist(ctx context.Context, model *bedrockruntime.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closebedrock.Tools(s)
	if err != nil {
		return "", err
	}
	in := &bedrockruntime.ConverseInput{ModelId: aws.String("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ToolConfig: definitions}
	in.Messages = []types.Message{{Role: "user", Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: ask}}}}
	for {
		out, err := model.Converse(ctx, in)
		if err != nil {
			return "", err
		}
		next, more := closebedrock.Answer(ctx, s, out)
		if in.Messages = append(in.Messages, next...); !more {
			return closebedrock.Text(out)
		}
	}
}

// stream is the loop with streaming.
func stream(ctx context.Context, model *bedrockruntime.Client, s *agent.Session, ask string) (string, error) {
	definitions, err := closebedrock.Tools(s)
	if err != nil {
		return "", err
	}
	in := &bedrockruntime.ConverseStreamInput{ModelId: aws.String("us.anthropic.claude-sonnet-4-5-20250929-v1:0"), ToolConfig: definitions}
	in.Messages = user(ask)
	for {
		out, err := model.ConverseStream(ctx, in)
		if err != nil {
			return "", err
		}
		var reply closebedrock.Reply
		events := out.GetStream()
		for e := range events.Events() {
			reply.Add(e)
		}
		if err := events.Close(); err != nil {
			return "", err
		}
		if err := events.Err(); err != nil {
			return "", err
		}
		next, more := closebedrock.Answer(ctx, s, reply.Output())
		if in.Messages = append(in.Messages, next...); !more {
			return closebedrock.Text(reply.Output())
		}
	}
}

// watch is the loop of a host that shows what was done.
func watch(ctx context.Context, model string, s *agent.Session, ask string) (said string, seen []agent.Result, err error) {
	definitions, err := closebedrock.Tools(s)
	if err != nil {
		return "", nil, err
	}
	c := client(model)
	in := &bedrockruntime.ConverseInput{ModelId: aws.String("m"), ToolConfig: definitions, Messages: user(ask)}
	for {
		out, err := c.Converse(ctx, in)
		if err != nil {
			return "", nil, err
		}
		next, results := closebedrock.Results(ctx, s, out)
		if in.Messages = append(in.Messages, next...); len(results) == 0 {
			said, err = closebedrock.Text(out)
			return said, seen, err
		}
		seen = append(seen, results...)
	}
}

func user(text string) []types.Message {
	return []types.Message{{Role: types.ConversationRoleUser, Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}}}}
}
