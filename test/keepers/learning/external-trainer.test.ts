// SPDX-License-Identifier: GPL-3.0-or-later
// What a program that trains is given, and what is read back from it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { decodeSafetensors } from '../../../keepers/learning/external/safetensors.ts'
import type { ExternalTrainer } from '../../../keepers/learning/index.ts'
import { data, KEEP, programs, ROUND, SAY, weights } from './external-program.ts'
import { refuses } from './refusal.ts'

describe('learning: a trainer that is a program', function () {
  this.timeout(60_000)
  const { trainer, shell, node, at } = programs()

  it('gets weights, samples and settings, and is read back', async () => {
    const seen = at('seen')
    const copy = `cp -r "$COHORT_TRAINING" '${seen}'`
    const outcome = await shell(`${KEEP}; ${SAY}; ${copy}`).train(weights, data, ROUND)
    expect(outcome).to.deep.equal({ weights, samples: 6, loss: 0.5, metrics: { f1: 0.25 } })
    const settings = JSON.parse(readFileSync(join(seen, 'settings.json'), 'utf8'))
    expect(settings).to.deep.include({
      ...{ format: 'cohort/training/1', round: 3, epoch: 2, epochs: 4, batchSize: 8, optimizer: 'sgd' },
      ...{ learningRate: 0.05, proximalMu: 0, seed: 99, clip: ROUND.clip, privacy: null, manifest: ROUND.manifest },
    })
    expect(settings.data).to.deep.equal({
      ...{ samples: 6, inputShape: [3], classes: 2, classNames: ['well', 'sick'], scale: 1 },
    })
    const samples = decodeSafetensors(readFileSync(join(seen, 'samples.safetensors')), 'samples')
    expect(samples.get('inputs')).to.deep.include({ type: 'F32', shape: [6, 3] })
    expect([...new Int32Array(Uint8Array.from(samples.get('labels')!.bytes).buffer)]).to.deep.equal([...data.labels])
    rmSync(seen, { recursive: true })
  })

  it('may be the shell script of the documentation', async () => {
    const page = readFileSync(new URL('../../../docs/trainers.md', import.meta.url), 'utf8')
    const [script] = [...page.matchAll(/```sh\n(#!\/bin\/sh\n[^`]*)```/g)].map((match) => match[1]!)
    writeFileSync(at('train.sh'), script!, { mode: 0o755 })
    const outcome = await trainer(['./train.sh']).train(weights, data, ROUND)
    expect(outcome.weights).to.deep.equal(weights)
    expect(outcome.samples).to.equal(6)
  })

  it('works on, wherever weights of its own making lead', async () => {
    const program = node(`
      const file = fs.readFileSync(at + '/weights.safetensors')
      const start = 8 + Number(file.readBigUInt64LE())
      for (let i = start; i < file.length; i += 4) file.writeFloatLE(file.readFloatLE(i) + 1, i)
      fs.writeFileSync(at + '/trained.safetensors', file)
      fs.writeFileSync(at + '/metrics.json', '{}')`)
    const outcome = await program.train(weights, data, ROUND)
    expect([...outcome.weights]).to.deep.equal([...weights].map((value) => Math.fround(value + 1)))
    expect([outcome.samples, outcome.loss, outcome.metrics]).to.deep.equal([6, Number.NaN, {}])
  })

  const rewritten = (change: string) =>
    node(`
      const file = fs.readFileSync(at + '/weights.safetensors')
      const length = Number(file.readBigUInt64LE())
      const header = JSON.parse(file.subarray(8, 8 + length).toString())
      let values = Buffer.from(file.subarray(8 + length))
      const name = Object.keys(header)[0]
      ${change}
      const json = Buffer.from(JSON.stringify(header))
      const head = Buffer.alloc(8)
      head.writeBigUInt64LE(BigInt(json.length))
      fs.writeFileSync(at + '/trained.safetensors', Buffer.concat([head, json, values]))
      fs.writeFileSync(at + '/metrics.json', '{}')`)
  const wrong: readonly (readonly [what: string, make: () => ExternalTrainer, message: RegExp])[] = [
    ['does nothing', () => shell(':'), /`sh -c :`: it wrote no trained\.safetensors/],
    ['says nothing of its training', () => shell(KEEP), /it wrote no metrics\.json/],
    ['fails', () => shell('echo one; echo "no such column: age" >&2; exit 7'), /exit code 7: no such column: age/],
    ['fails without a word', () => shell('exit 1'), /exit code 1, without a word/],
    ['is killed', () => shell('kill -9 $$'), /killed by SIGKILL|exit code 137/],
    [
      'writes garbage',
      () => shell(`echo garbage > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors: its header is said to be/,
    ],
    [
      'writes half a file',
      () =>
        shell(`head -c 100 "$COHORT_TRAINING/weights.safetensors" > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors: .*cut off|trained\.safetensors: its header/,
    ],
    [
      'writes endlessly',
      () => shell(`head -c 3000000 /dev/zero > "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /has 3000000 bytes, at most \d+ are read/,
    ],
    [
      'links to a device',
      () => shell(`ln -s /dev/zero "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors cannot be read \(ELOOP\)/,
    ],
    [
      'leaves a pipe',
      () => shell(`mkfifo "$COHORT_TRAINING/trained.safetensors"; ${SAY}`),
      /trained\.safetensors is not a regular file/,
    ],
    [
      'returns NaN',
      () => rewritten('values.writeFloatLE(NaN, 4)'),
      /tensor \S+, value 1 is NaN: the training diverged/,
    ],
    ['returns infinity', () => rewritten('values.writeFloatLE(-Infinity, 0)'), /value 0 is -Infinity/],
    [
      'returns another shape',
      () => rewritten('header[name].shape.reverse()'),
      /has shape \[2,3\], the model's is \[3,2\]/,
    ],
    ['returns another type', () => rewritten(`header[name].dtype = 'I32'`), /is I32, expected F32/],
    ['renames a tensor', () => rewritten('header.mine = header[name]; delete header[name]'), /tensor \S+ is missing/],
    [
      'adds a tensor',
      () => rewritten(`header.mine = { dtype: 'F32', shape: [0], data_offsets: [values.length, values.length] }`),
      /tensor "mine" is not the model's/,
    ],
    [
      'counts in NaN',
      () => shell(`${KEEP}; printf '{"loss": NaN}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: not JSON .*NaN and Infinity are not JSON/,
    ],
    [
      'claims more samples than it got',
      () => shell(`${KEEP}; printf '{"samples": 7}' > "$COHORT_TRAINING/metrics.json"`),
      /samples: 7, but it was given 6/,
    ],
    [
      'claims half a sample',
      () => shell(`${KEEP}; printf '{"samples": 1.5}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: samples/,
    ],
    [
      'says a figure twice',
      () => shell(`${KEEP}; printf '{"samples": 1, "samples": 2}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: not JSON \(it names "samples" twice/,
    ],
    [
      'says what nobody asked',
      () => shell(`${KEEP}; printf '{"sample": 1}' > "$COHORT_TRAINING/metrics.json"`),
      /metrics\.json: document: Unrecognized key: "sample"/,
    ],
  ]
  for (const [what, make, message] of wrong) {
    it(`refuses one that ${what}`, () => refuses(() => make().train(weights, data, ROUND), 'TRAINER_FAILED', message))
  }

  it('must be there', async () => {
    await refuses(
      () => trainer(['no-such-program']),
      'NO_TRAINER',
      /command: no-such-program is not an executable file \(PATH\)/,
    )
    await refuses(
      () => trainer(['./missing.sh']),
      'NO_TRAINER',
      /missing\.sh is not an executable file \(\/.*missing\.sh\)/,
    )
    writeFileSync(at('plain.txt'), '')
    await refuses(() => trainer(['./plain.txt']), 'NO_TRAINER', /plain\.txt is not an executable file/)
  })
})
