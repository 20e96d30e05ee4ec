// SPDX-License-Identifier: GPL-3.0-or-later

// Times Lattigo's multiparty CKKS for the bench of keepers/fhe: one update, one member's decryption share, the combination of
// t shares with decoding. Same ring, same primes, same scale, same width of flooding. Arguments: members, threshold, vector length,
// log2 of the scale, log2 of the flooding's standard deviation, primes (comma-separated, the last one special), runs. Prints
// processor milliseconds of the whole vector as JSON: the medians of the runs.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
	"github.com/tuneinsight/lattigo/v6/utils/sampling"
)

type report struct {
	Encrypt    float64 `json:"encrypt"`
	Share      float64 `json:"share"`
	Combine    float64 `json:"combine"`
	WorstError float64 `json:"worstError"`
	Version    string  `json:"version"`
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func number(at int) int {
	return must(strconv.Atoi(os.Args[at]))
}

// processor returns the milliseconds that this process has computed for, in all its threads.
func processor() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	ms := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e3 + float64(t.Usec)/1e3 }
	return ms(usage.Utime) + ms(usage.Stime)
}

func timed(runs int, body func()) float64 {
	body()
	measured := make([]float64, runs)
	for i := range measured {
		runtime.GC()
		start := processor()
		body()
		measured[i] = processor() - start
	}
	sort.Float64s(measured)
	return measured[len(measured)/2]
}

func main() {
	runtime.GOMAXPROCS(1)
	members, threshold, length := number(1), number(2), number(3)
	logScale, logSigma, runs := number(4), number(5), number(7)
	var primes []uint64
	for _, text := range strings.Split(os.Args[6], ",") {
		primes = append(primes, must(strconv.ParseUint(text, 10, 64)))
	}
	params := must(ckks.NewParametersFromLiteral(ckks.ParametersLiteral{
		LogN:            13,
		Q:               primes[:len(primes)-1],
		P:               primes[len(primes)-1:],
		LogDefaultScale: logScale,
	}))
	// Doubles, as ours and SEAL's encoder.
	encoder := ckks.NewEncoder(params, 53)
	keygen := rlwe.NewKeyGenerator(params)
	crs := must(sampling.NewKeyedPRNG([]byte("a string that nobody chose")))

	// Key generation: additive secrets, a collective public key, t-out-of-n shares of every secret.
	pkg := multiparty.NewPublicKeyGenProtocol(params)
	crp := pkg.SampleCRP(crs)
	publicShare := pkg.AllocateShare()
	shamir := multiparty.NewThresholdizer(params)
	points := make([]multiparty.ShamirPublicPoint, members)
	shares := make([]multiparty.ShamirSecretShare, threshold)
	for j := range points {
		points[j] = multiparty.ShamirPublicPoint(j + 1)
	}
	for j := range shares {
		shares[j] = shamir.AllocateThresholdSecretShare()
	}
	part, dealt := pkg.AllocateShare(), shamir.AllocateThresholdSecretShare()
	for i := 0; i < members; i++ {
		secret := keygen.GenSecretKeyNew()
		pkg.GenShare(secret, crp, &part)
		pkg.AggregateShares(publicShare, part, &publicShare)
		polynomial := must(shamir.GenShamirPolynomial(threshold, secret))
		for j := range shares {
			shamir.GenShamirSecretShare(points[j], polynomial, &dealt)
			check(shamir.AggregateShares(shares[j], dealt, &shares[j]))
		}
	}
	publicKey := rlwe.NewPublicKey(params)
	pkg.GenPublicKey(publicShare, crp, publicKey)
	encryptor := rlwe.NewEncryptor(params, publicKey)

	// One vector, as slots of ciphertexts; one slot is kept for the weight, as in ours.
	slots := params.MaxSlots()
	ciphertexts := (length + slots - 2) / (slots - 1)
	values := make([][]float64, ciphertexts)
	for c := range values {
		values[c] = make([]float64, slots)
		for i := range values[c] {
			values[c][i] = 7 * math.Sin(float64(c*slots+i))
		}
	}
	update := make([]*rlwe.Ciphertext, ciphertexts)
	for c := range update {
		update[c] = ckks.NewCiphertext(params, 1, params.MaxLevel())
	}
	plaintext := ckks.NewPlaintext(params, params.MaxLevel())
	encrypt := timed(runs, func() {
		for c := range update {
			check(encoder.Encode(values[c], plaintext))
			check(encryptor.Encrypt(plaintext, update[c]))
		}
	})

	// One member's share of every ciphertext: its additive share for the active set, then a product and flooding each.
	flooding := ring.DiscreteGaussian{Sigma: math.Exp2(float64(logSigma)), Bound: 6 * math.Exp2(float64(logSigma))}
	switcher := must(multiparty.NewKeySwitchProtocol(params, flooding))
	active := points[:threshold]
	zero := rlwe.NewSecretKey(params)
	allocate := func() []multiparty.KeySwitchShare {
		out := make([]multiparty.KeySwitchShare, ciphertexts)
		for c := range out {
			out[c] = switcher.AllocateShare(params.MaxLevel())
		}
		return out
	}
	give := func(j int, out []multiparty.KeySwitchShare) {
		additive := rlwe.NewSecretKey(params)
		combiner := multiparty.NewCombiner(*params.GetRLWEParameters(), points[j], active, threshold)
		check(combiner.GenAdditiveShare(active, points[j], shares[j], additive))
		for c := range out {
			switcher.GenShare(additive, zero, update[c], &out[c])
		}
	}
	own := allocate()
	share := timed(runs, func() { give(0, own) })

	// All t shares added up and decoded. The sum without the first is made once: its t − 1 additions are timed below.
	others := allocate()
	for j := 1; j < threshold; j++ {
		next := allocate()
		give(j, next)
		for c := range others {
			check(switcher.AggregateShares(others[c], next[c], &others[c]))
		}
	}
	nothing := switcher.AllocateShare(params.MaxLevel())
	decoded := make([]float64, slots)
	switched := ckks.NewCiphertext(params, 1, params.MaxLevel())
	open := func(use func(c int)) {
		for c := range update {
			sum := switcher.AllocateShare(params.MaxLevel())
			check(switcher.AggregateShares(own[c], others[c], &sum))
			for j := 2; j < threshold; j++ {
				check(switcher.AggregateShares(sum, nothing, &sum))
			}
			switcher.KeySwitch(update[c], sum, switched)
			opened := &rlwe.Plaintext{Element: rlwe.Element[ring.Poly]{MetaData: switched.MetaData, Value: switched.Value[:1]}, Value: switched.Value[0]}
			check(encoder.Decode(opened, decoded))
			use(c)
		}
	}
	combine := timed(runs, func() { open(func(int) {}) })
	worst := 0.0
	open(func(c int) {
		for i, value := range decoded {
			worst = math.Max(worst, math.Abs(value-values[c][i]))
		}
	})
	check(json.NewEncoder(os.Stdout).Encode(report{encrypt, share, combine, worst, fmt.Sprint("v6.1.1 ", runtime.Version())}))
}
