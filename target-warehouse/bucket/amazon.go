package bucket

import (
	"context"
	"errors"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// openAmazon is blob.OpenBucket for s3://, whose client would write lines of its own to stderr, such as how it looks for
// credentials. What fails is told all the same, as failures.
func openAmazon(ctx context.Context, bucketURL string) (*blob.Bucket, error) {
	u, err := url.Parse(bucketURL)
	if err != nil {
		return nil, err
	}
	opener := &s3blob.URLOpener{}
	b, err := opener.OpenBucketURL(ctx, u)
	if err != nil {
		return nil, err
	}
	var client *s3.Client
	if !b.As(&client) {
		return nil, errors.New("the driver of s3:// has no client of Amazon's")
	}
	found, cfg, err := findAmazon(ctx, u.Query())
	if err != nil {
		return nil, err
	}
	quiet := s3.New(client.Options(), func(o *s3.Options) {
		o.Logger = logging.Nop{}
		o.RetryMaxAttempts = cfg.RetryMaxAttempts // which the driver does not heed
		if o.Credentials != nil {                 // else the bucket is for anybody
			o.Credentials = found
		}
	})
	return s3blob.OpenBucket(ctx, quiet, u.Host, &opener.Options)
}

// findAmazon finds the credentials that a URL's query and the environment lead to, as the driver does, but silently: those
// that it has found itself keep its log. It returns the configuration that it has read on the way.
func findAmazon(ctx context.Context, query url.Values) (aws.CredentialsProvider, aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}), config.WithRegion(query.Get("region")),
		config.WithSharedConfigProfile(query.Get("profile")))
	if err != nil {
		return nil, cfg, err
	}
	if role := query.Get("role"); role != "" {
		return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), role)), cfg, nil
	}
	return cfg.Credentials, cfg, nil
}
