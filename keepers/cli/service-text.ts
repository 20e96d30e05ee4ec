// SPDX-License-Identifier: GPL-3.0-or-later
// Samples, manifests and the service that follows from them, described in text.
import type { DraftReport, ProofCost, Sample } from '../services/index.ts'
import type { ServiceInput, ServiceManifest, ServiceTask } from '../versions/index.ts'
import { shellWord } from './shell-word.ts'

export function sampleText({ input, task, train, test }: Sample): string {
  return `${inputText(input, some)}; ${taskText(task)}; ${train.count} samples train, ${test.count} judge`
}

export function inputText(input: ServiceInput, list: (names: readonly string[]) => string): string {
  if (input.kind === 'picture') return `pictures of ${input.shape.join('×')}`
  if (input.kind === 'text') {
    const { tokenizer } = input
    return `text of column '${input.column}' (${placesText(tokenizer)}), label '${input.label}'`
  }
  if (input.kind === 'tensor') {
    const { shape, array, numbers, scale } = input
    const [least, most] = [Math.min(...scale.map(({ min }) => min)), Math.max(...scale.map(({ max }) => max))]
    const kind = numbers === 'integer' ? 'whole numbers' : 'numbers'
    const scales = scale.length === 1 ? '' : `, ${scale.length} scales`
    return `tensors of ${shape.join('×')} (array '${array}', ${kind} from ${least} to ${most}${scales}), label '${input.label}'`
  }
  const { features, label, categories = {}, missing = [], decimal } = input
  const more = [
    ...Object.entries(categories).map(([feature, { values }]) => `'${feature}' is one of ${values.length}`),
    ...(missing.length === 0 ? [] : [`may be empty: ${list(missing)}`]),
    ...(decimal === undefined ? [] : ['decimal commas']),
  ]
  const notes = more.length === 0 ? '' : `; ${more.join('; ')}`
  return `table of ${features.length} columns (${list(features)}), label '${label}'${notes}`
}

function placesText(tokenizer: Extract<ServiceInput, { kind: 'text' }>['tokenizer']): string {
  if (tokenizer.kind === 'bytes') return 'its bytes'
  return tokenizer.kind === 'hashed' ? `${tokenizer.buckets} places` : `${tokenizer.words.length} words`
}

function taskText(task: ServiceTask): string {
  if (task.kind === 'classification') return `${task.classes.length} classes (${some(task.classes)})`
  if (task.kind === 'labels') return `${task.labels.length} labels (${some(task.labels)}), any number of them`
  const { mean, deviation } = task.target
  return `an amount${task.unit === '' ? '' : ` in ${task.unit}`}, ${mean} ± ${deviation}, by ${task.loss.kind}`
}

export function taskRows(task: ServiceTask): [string, string][] {
  if (task.kind === 'regression') return [['task', taskText(task)]]
  if (task.kind === 'labels') return [['labels', task.labels.join(', ')]]
  const { classes, weights } = task
  return [
    ['classes', classes.join(', ')],
    ...(weights === undefined ? [] : [['weights', weights.join(', ')] as [string, string]]),
  ]
}

const some = (names: readonly string[]): string => `${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`

export function reportText(out: string, manifest: ServiceManifest, report: DraftReport): string {
  const { accuracy, headroom, encryption, proof } = report
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`
  const amount = manifest.task.kind === 'regression'
  const figure = (share: number): string => (amount ? share.toFixed(3) : percent(share))
  const { clipBound, clipNorm, layerGroups = [] } = manifest.rounds
  return [
    `manifest    ${out}`,
    `digest      ${report.digest}`,
    `cid         ${report.cid}`,
    `parameters  ${report.parameters.toLocaleString('en-US')}`,
    `${amount ? 'R²      ' : 'accuracy'}    ${accuracy.start === undefined ? '' : `${figure(accuracy.start)} at the start, `}${figure(accuracy.float)} after ${accuracy.rounds} rounds, ${figure(accuracy.proven)} as it is proven`,
    `headroom    weights may grow to ${headroom.factor} times; ${percent(headroom.clippedShare)} clipped in the rounds played`,
    `updates     entries to ${clipBound}, norm to ${clipNorm}`,
    ...layerGroups.map(
      ({ name, layers }, i) =>
        `${i === 0 ? 'layers' : '      '}      ${i === 0 ? 'in turn: ' : '         '}${name} (${layers.join(', ')})`,
    ),
    `a round     ${kilobytes(encryption.updateBytes)} update, ${kilobytes(encryption.shareBytes)} decryption share; ${encryption.precisionBits} bits of precision`,
    `a proof     ${costText(proof)}, by groth16`,
    `            ${proof.lookup === null ? 'groth16-lookup: none' : `${costText(proof.lookup)}, by groth16-lookup`}`,
    `            better by ${proof.system}: ${proof.reason}`,
    'next        put the digest into the service’s parameters on the chain (`service.manifest` of a deployment),',
    `            and start with \`cohort keeper init --service ADDRESS --rpc URL --manifest ${shellWord(out)}${manifest.model.weights === undefined ? '' : ' --weights FILE'} --samples PATH\``,
  ].join('\n')
}

function costText({ constraints, seconds, gas }: ProofCost): string {
  return `${constraints.toLocaleString('en-US')} constraints, about ${seconds.toFixed(2)} s, ${gas.toLocaleString('en-US')} gas`
}

const kilobytes = (bytes: number): string => `${Math.round(bytes / 1000).toLocaleString('en-US')} kB`
