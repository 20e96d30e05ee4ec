// SPDX-License-Identifier: GPL-3.0-or-later
// Several small networks that EnsembleOracle combines into one: accuracy of each and of all, as integers, over all test pictures;
// and one picture proven under each network and decided by the contract on an in-process chain.
//
// Rule and weights are chosen on pictures held out of the training data; the test pictures are looked at once, at the end.
//
// Metrics: ensemble.<member>.{accuracy,constraints,answer}, ensemble.{accuracy,validation-accuracy,agreement,ask,close}.

import { decideOnChain } from './ensemble/chain.ts'
import { decide, type Rule } from './ensemble/decide.ts'
import { createMembers, divide, type EnsembleMember, type Votes, votesOf } from './ensemble/members.ts'
import type { Bench, BenchContext } from './harness.ts'
import { median } from './harness.ts'
import { loadDigitPair, type Pictures, pictures } from './zkml/networks.ts'

/** Bounds of a weight in EnsembleOracle. */
const [MIN_WEIGHT, MAX_WEIGHT] = [256, 16_383]
const EPOCHS = 12

type Choice = { readonly rule: Rule; readonly weights: readonly number[]; readonly what: string }

export const bench: Bench = {
  area: 'ensemble',
  summary: 'three small networks, alone and as one, with proofs and a decision on a chain',
  async run(context) {
    const { progress, quick } = context
    const data = await loadDigitPair(context.dataDir)
    if (context.dataDir === null) progress('no MNIST files here (--data DIR): drawn digits instead')
    const { shares, validation } = divide(data.train, Math.floor(data.train.count / 20))
    const members = await createMembers(shares, { epochs: quick ? 2 : EPOCHS, progress })
    const choice = choose(members, validation, context)

    const test = pictures(data.test, 0, quick ? 500 : data.test.count)
    progress(`${test.labels.length} test pictures under ${members.length} networks`)
    const votes = members.map((member) => votesOf(member, test.inputs))
    const accuracies = votes.map((each) =>
      share(
        each.map(({ value }) => value),
        test.labels,
      ),
    )
    const on = `${test.labels.length} test pictures of ${data.test.name}`
    for (const [i, { name }] of members.entries()) {
      const note = `as integers, trained on ${shares[i]!.count} pictures of its own; ${on}`
      context.record({ metric: `ensemble.${name}.accuracy`, value: 100 * accuracies[i]!, unit: 'percent', note })
    }
    const decided = together(choice, votes)
    context.record({
      metric: 'ensemble.accuracy',
      value: 100 * share(decided, test.labels),
      unit: 'percent',
      peer: 'best member',
      peerValue: 100 * Math.max(...accuracies),
      note: `${choice.what}, weights ${choice.weights.join(', ')}; ${on}`,
    })
    const agreed = decided.filter((label, k) => votes.every((each) => each[k]!.value === label)).length
    context.record({ metric: 'ensemble.agreement', value: (100 * agreed) / decided.length, unit: 'percent' })

    // A picture that the members disagree about, if there is one: there the contract has something to decide.
    const k = Math.max(
      0,
      decided.findIndex((label, at) => votes.some((each) => each[at]!.value !== label)),
    )
    const onChain = await decideOnChain(members, choice.weights, choice.rule, test.inputs[k]!, progress)
    if (onChain.label !== decided[k]) {
      throw new Error(`picture ${k}: the contract decided ${onChain.label}, the bench ${decided[k]}`)
    }
    for (const [i, { name }] of members.entries()) {
      const constraints = onChain.constraints[i]!
      context.record({ metric: `ensemble.${name}.constraints`, value: constraints, unit: 'constraints' })
      context.record({ metric: `ensemble.${name}.answer`, value: onChain.gas.answers[i]!, unit: 'gas' })
    }
    context.record({ metric: 'ensemble.ask', value: onChain.gas.ask, unit: 'gas' })
    const note = `test picture ${k}: the contract says ${onChain.label}, the picture is a ${test.labels[k]}`
    context.record({ metric: 'ensemble.close', value: onChain.gas.close, unit: 'gas', note })
  },
}

/** The best of a few rules on pictures that are neither trained nor tested on; the simplest of equals. */
function choose(members: readonly EnsembleMember[], validation: Pictures, context: BenchContext): Choice {
  context.progress(`choosing rule and weights on ${validation.labels.length} held-out pictures`)
  const votes = members.map((member) => votesOf(member, validation.inputs))
  const right = votes.map((each) =>
    share(
      each.map(({ value }) => value),
      validation.labels,
    ),
  )
  const odds = right.map((p) => Math.log(Math.max(p, 0.5) / Math.max(1 - p, 1e-3)))
  // Networks have scales of their own: a typical margin of each shall weigh the same.
  const scales = votes.map((each) => 1 / Math.max(1, median(each.map(({ margin }) => Number(margin)))))
  const choices: Choice[] = [
    { rule: 'Vote', weights: members.map(() => MAX_WEIGHT), what: 'a vote, equal weights, margins break ties' },
    { rule: 'Vote', weights: scaled(odds), what: 'a vote, weights by validation accuracy' },
    { rule: 'MarginVote', weights: scaled(scales), what: 'margins count, typical margins weigh the same' },
    {
      rule: 'MarginVote',
      weights: scaled(scales.map((scale, i) => scale * odds[i]!)),
      what: 'margins count, scaled by validation accuracy',
    },
  ]
  const results = choices.map((choice) => share(together(choice, votes), validation.labels))
  const best = results.indexOf(Math.max(...results))
  for (const [i, { what }] of choices.entries()) context.progress(`${(100 * results[i]!).toFixed(2)} %: ${what}`)
  context.record({
    metric: 'ensemble.validation-accuracy',
    value: 100 * results[best]!,
    unit: 'percent',
    peer: 'best member',
    peerValue: 100 * Math.max(...right),
    note: `${validation.labels.length} pictures held out of the training data; here the rule was chosen`,
  })
  return choices[best]!
}

function scaled(values: readonly number[]): number[] {
  const most = Math.max(...values)
  return values.map((value) => Math.max(MIN_WEIGHT, Math.round((MAX_WEIGHT * value) / most)))
}

/** The oracle's decision on every picture. */
function together({ rule, weights }: Choice, votes: readonly Votes[]): bigint[] {
  return votes[0]!.map((_, k) => {
    return decide(
      rule,
      votes.map((each, i) => ({ ...each[k]!, weight: BigInt(weights[i]!) })),
    ).value
  })
}

function share(labels: readonly bigint[], truth: readonly number[]): number {
  return labels.filter((label, k) => label === BigInt(truth[k]!)).length / labels.length
}
