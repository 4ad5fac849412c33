// Package recharge asks the Recharge Admin API, version 2021-11, for lists and objects.
//
// A [Client] knows what every program that talks to Recharge needs to know: how to sign requests, how lists are paged,
// how full the leaky bucket is that the API counts requests with, which failures pass and which do not. What the
// objects mean is left to the caller, who gets them as the bytes that were sent.
//
// Three rules hold everywhere:
//
//   - The token and the bodies of answers never stand in failures or logs. What Recharge says about a failure does,
//     shortened to a line and without the token.
//   - An answer is either whole or a failure. A body that ends early is asked for again on another connection.
//   - Requests of all goroutines are paced together. A store's other programs spend from the same bucket, so the pace
//     follows what the answers tell about its level, and half of the bucket is left to them.
//
// https://developer.rechargepayments.com/2021-11
package recharge
