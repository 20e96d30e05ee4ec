// SPDX-License-Identifier: GPL-3.0-or-later
// Try a released model: answer at once from its public weights, prove the answer in the page, verify the proof on the chain.
import type { Remote } from 'comlink'
import { useState } from 'preact/hooks'
import type { ServiceManifest } from '../../../keepers/versions/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Explain } from '../ui/explain.tsx'
import { percent } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { inert } from '../ui/inert-text.ts'
import { Drawing, type Picture } from './drawing.tsx'
import { type HubModel, listHubModels } from './hub-models.ts'
import { type BoundProof, checkOnChain, loadCircuit, proveFor, recordOnChain } from './proof.ts'
import { manifestOf, openVersion } from './versions.ts'
import type { OpenedModel } from './worker.ts'

export function ModelPage({ connection, chosen }: { readonly connection: Connection; readonly chosen: string | null }) {
  const { block } = connection.head.value
  const models = useLoaded(() => listHubModels(connection), [], block)
  return (
    <>
      <h1>Try the model</h1>
      <Show loaded={models} what="the models of the hub">
        {(list) => {
          const model =
            list.find(({ modelId }) => String(modelId) === chosen) ?? list.find(({ version }) => version !== null)
          return (
            <>
              {list.length > 1 && <Choices list={list} model={model} />}
              {model === undefined ? (
                <p>The hub offers no released model of these services yet: the DAO releases one by vote.</p>
              ) : model.version === null ? (
                <p>Model {String(model.modelId)} has no version in force.</p>
              ) : (
                <Released
                  key={`${model.modelId}/${model.version}`}
                  connection={connection}
                  model={model}
                  version={model.version}
                />
              )}
            </>
          )
        }}
      </Show>
    </>
  )
}

function Choices({ list, model }: { readonly list: readonly HubModel[]; readonly model: HubModel | undefined }) {
  return (
    <nav aria-label="Models">
      {list.map((one) => (
        <a
          key={one.modelId}
          href={link('model', String(one.modelId))}
          aria-current={one.modelId === model?.modelId ? 'page' : undefined}
        >
          Model {String(one.modelId)}: <Inert text={one.serviceName} most={40} />
        </a>
      ))}
    </nav>
  )
}

type Opened = { readonly manifest: ServiceManifest; readonly model: Remote<OpenedModel> }

function Released({
  connection,
  model,
  version,
}: {
  readonly connection: Connection
  readonly model: HubModel
  readonly version: number
}) {
  const opened = useLoaded(async (): Promise<Opened> => {
    const manifest = await manifestOf(connection, model.service)
    return { manifest, model: await openVersion(connection, model.service, version) }
  }, [model.service, version])
  return (
    <>
      <p>
        <Inert text={model.serviceName} />,{' '}
        <a href={link('service', model.service, 'version', version)}>version {version}</a>, released by the DAO.
      </p>
      <Show loaded={opened} what="the weights, and checking them against the chain">
        {(ready) => <Ask connection={connection} hubModel={model} opened={ready} />}
      </Show>
    </>
  )
}

function Ask({
  connection,
  hubModel,
  opened,
}: {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
}) {
  const [input, setInput] = useState<Picture | null>(null)
  const { manifest, model } = opened
  const answer = useLoaded(async () => (input === null ? null : await model.answer(input)), [input, model])
  const { input: schema, task } = manifest
  if (schema.kind !== 'picture' || schema.shape[2] !== 1 || task.kind !== 'classification') {
    return <p>This screen asks about pictures of one channel so far; use `cohort infer request` for other inputs.</p>
  }
  const [rows, columns] = schema.shape
  return (
    <div class="try">
      <section aria-label="Input">
        <h2>Draw</h2>
        <Drawing rows={rows} columns={columns} onChange={setInput} />
      </section>
      <section aria-label="Answer" aria-live="polite">
        <h2>Answer</h2>
        {input === null ? (
          <p>Draw something: the answer is computed here, from the public weights.</p>
        ) : (
          <Show loaded={answer} what="the model">
            {(said) => said && <Scores scores={said.scores} classes={task.classes} />}
          </Show>
        )}
      </section>
      <Prove
        key={String(input === null)}
        connection={connection}
        hubModel={hubModel}
        opened={opened}
        input={input}
        classes={task.classes}
      />
    </div>
  )
}

function Scores({ scores, classes }: { readonly scores: readonly number[]; readonly classes: readonly string[] }) {
  const best = scores.indexOf(Math.max(...scores))
  const shares = scores.map((score) => Math.exp(score - scores[best]!))
  const sum = shares.reduce((a, b) => a + b, 0)
  return (
    <>
      <p class="answer">
        <output data-label={best}>
          <Inert text={classes[best] ?? String(best)} most={60} />
        </output>
      </p>
      <ul class="bars">
        {classes.map((name, i) => (
          <li key={name}>
            <span>
              <Inert text={name} most={24} />
            </span>
            <meter min={0} max={1} value={shares[i]! / sum} aria-label={inert(name, 60)} />
            <span>{percent(shares[i]! / sum)}</span>
          </li>
        ))}
      </ul>
    </>
  )
}

function Prove({
  connection,
  hubModel,
  opened,
  input,
  classes,
}: {
  readonly connection: Connection
  readonly hubModel: HubModel
  readonly opened: Opened
  readonly input: Picture | null
  readonly classes: readonly string[]
}) {
  const [proof, setProof] = useState<{ readonly made: BoundProof; readonly of: Picture } | null>(null)
  const [progress, setProgress] = useState('')
  const [stop, setStop] = useState<AbortController | null>(null)
  const caller = account.value?.address ?? null
  const prove = async (): Promise<string> => {
    const asked = input!
    const stopping = new AbortController()
    setStop(stopping)
    try {
      const onProgress = (loaded: number, total: number | null): void =>
        setProgress(total === null ? `${megabytes(loaded)} MB of the key` : `key: ${percent(loaded / total)}`)
      await loadCircuit(opened.model, hubModel, onProgress, stopping.signal)
      setProgress('proving')
      const made = await proveFor(connection, hubModel, opened.model, asked, caller!)
      setProgress('asking the verifier on the chain')
      await checkOnChain(connection, hubModel, made)
      setProof({ made, of: asked })
      return `proven in ${made.seconds.toFixed(2)} s, verified here and by the verifier on the chain`
    } finally {
      setProgress('')
      setStop(null)
    }
  }
  const current = proof !== null && proof.of === input ? proof.made : null
  return (
    <section aria-label="Proof">
      <h2>Prove</h2>
      {caller === null && <p>Connect a wallet: a proof is bound to the account that may hand it in.</p>}
      {hubModel.circuit === null && (
        <p>This copy of the console has no files of the circuit: ask a keeper with `cohort infer request`.</p>
      )}
      <p>
        <Action run={prove} disabled={input === null || caller === null || hubModel.circuit === null}>
          Prove here
        </Action>{' '}
        {stop !== null && (
          <button type="button" onClick={() => stop.abort(new Error('cancelled'))}>
            Cancel
          </button>
        )}{' '}
        <span role="status">{progress}</span>
      </p>
      {current !== null && (
        <>
          <p>
            <Action run={async () => `recorded on the chain: ${await recordOnChain(connection, hubModel, current)}`}>
              Record on the chain
            </Action>
          </p>
          <table>
            <thead>
              <tr>
                <th scope="col">Stayed in this browser</th>
                <th scope="col">The chain sees</th>
              </tr>
            </thead>
            <tbody>
              <tr>
                <td>the drawing, {current.publicSignals.length > 0 && input!.length} values</td>
                <td>
                  a salted commitment to it: <Hex value={`0x${current.publicSignals[1]!.toString(16)}`} />
                </td>
              </tr>
              <tr>
                <td>every number inside the network</td>
                <td>
                  the answer:{' '}
                  <Inert text={classes[Number(current.publicSignals[2])] ?? String(current.publicSignals[2])} />
                </td>
              </tr>
              <tr>
                <td>the salt</td>
                <td>
                  the weights' commitment: <Hex value={`0x${current.publicSignals[0]!.toString(16)}`} />
                </td>
              </tr>
            </tbody>
          </table>
        </>
      )}
      <Explain>
        <p>
          The proof says: somebody knows an input with this commitment, for which the weights with that commitment give
          this answer. It is a Groth16 proof, and names the account, the model, its version and a deadline, so that
          nobody else can use it. It does not say that the answer is right, only that it is the model's.
        </p>
        <p>
          The weights are public, as is every accepted version. The drawing leaves this page in no form but the
          commitment.
        </p>
      </Explain>
    </section>
  )
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
