// SPDX-License-Identifier: GPL-3.0-or-later
// One ensemble: its rule, its members and their weights, and the questions that it was asked.
import { useMemo, useState } from 'preact/hooks'
import { clients, contractInterface } from '../../../keepers/chain/index.ts'
import { link } from '../app/route.ts'
import type { Connection } from '../chain/connection.ts'
import { account } from '../chain/wallet.ts'
import { Action, Show, useLoaded } from '../ui/async.tsx'
import { Chart } from '../ui/chart.tsx'
import { COLOURS } from '../ui/colours.ts'
import { Explain } from '../ui/explain.tsx'
import { Fact } from '../ui/fact.tsx'
import { ether, percent, time, weiOf } from '../ui/format.ts'
import { Hex, Inert } from '../ui/inert.tsx'
import { Pages } from '../ui/pages.tsx'
import { Scrollable } from '../ui/scrollable.tsx'
import { send } from '../ui/send.ts'
import { type Ensemble, openEnsemble, owedTo } from './ensembles.ts'
import type { AskedQuestion, EnsembleTale } from './events.ts'
import { opinionOf, statusOf, weightCurves } from './opinion.ts'

/** Questions that are shown at once. */
const PAGE = 15
/** Seconds that a question from this page stays open. */
const ASK_SECONDS = 3_600

export function EnsemblePage({ connection, id }: { readonly connection: Connection; readonly id: bigint }) {
  const { block } = connection.head.value
  const opened = useLoaded(() => openEnsemble(connection, id), [id], block)
  return (
    <>
      <h1>Ensemble {String(id)}</h1>
      <Show loaded={opened} what="the ensemble">
        {({ ensemble, tale }) => (
          <>
            <Rule ensemble={ensemble} founder={tale.founders.get(id) ?? null} />
            <Members ensemble={ensemble} tale={tale} />
            <Questions
              connection={connection}
              ensemble={ensemble}
              questions={tale.questions.filter((one) => one.ensembleId === id)}
            />
          </>
        )}
      </Show>
      {account.value !== null && (
        <Ask key={account.value.address} connection={connection} id={id} address={account.value.address} />
      )}
      <p>
        <a href={link('ensembles')}>All ensembles</a>
      </p>
      <Explain>
        <p>
          A weight says how often a member agreed with the outcome of questions that may move weights; it is kept
          between a quarter and four times what the founder gave. Whoever chooses the questions chooses who looks wrong,
          which is why an ensemble may name a curator whose questions alone count.
        </p>
      </Explain>
    </>
  )
}

function Rule({ ensemble, founder }: { readonly ensemble: Ensemble; readonly founder: string | null }) {
  const { rule, votes, quorum, majority, adaptation, curator, range, tolerance } = ensemble
  return (
    <dl class="facts">
      <Fact name="Decides by">{rule}</Fact>
      <Fact name="Weight that must be cast">{percent(quorum)}</Fact>
      {votes ? (
        <>
          <Fact name="Of that, the winner needs">{majority === 0 ? 'more than any other' : percent(majority)}</Fact>
          <Fact name="Labels">{String(range)}</Fact>
        </>
      ) : (
        <>
          <Fact name="Largest magnitude of a score">{String(range)}</Fact>
          <Fact name="Agreed when within">{String(tolerance)}</Fact>
        </>
      )}
      <Fact name="Weights move by">{adaptation === 0 ? 'nothing' : `1/${2 ** adaptation} of themselves`}</Fact>
      <Fact name="Whose questions move them">{curator === null ? "everybody's" : <Hex value={curator} />}</Fact>
      {founder !== null && (
        <Fact name="Founded by">
          <Hex value={founder} />
        </Fact>
      )}
    </dl>
  )
}

function Members({ ensemble, tale }: { readonly ensemble: Ensemble; readonly tale: EnsembleTale }) {
  const { ensembleId, members } = ensemble
  const asked = tale.questions.filter((one) => one.ensembleId === ensembleId)
  const moved = tale.weights.get(ensembleId) ?? []
  const [questions, curves] = useMemo(() => {
    const { questions: along, weights } = weightCurves(
      members.map(({ firstWeight }) => firstWeight),
      moved,
    )
    return [
      along,
      weights.map((values, i) => ({ label: `member ${i}`, color: COLOURS[i % COLOURS.length]!, values })),
    ] as const
  }, [moved.length, members.length])
  return (
    <section>
      <h2>Members</h2>
      <Scrollable label="Members">
        <table>
          <thead>
            <tr>
              <th scope="col">Member</th>
              <th scope="col">Model</th>
              <th scope="col">Read as</th>
              <th scope="col">Weight at first</th>
              <th scope="col">Weight now</th>
              <th scope="col">Abstains below a margin of</th>
              <th scope="col">Answers that it proved</th>
            </tr>
          </thead>
          <tbody>
            {members.map(({ id, decoding, about, firstWeight, weight, minMargin }, i) => (
              <tr key={`${i}`}>
                <td>{i}</td>
                <td>
                  {decoding === 'ensemble' ? (
                    <a href={link('ensembles', String(id))}>ensemble {String(id)}</a>
                  ) : (
                    <>
                      model {String(id)}: <Inert text={about} />
                    </>
                  )}
                </td>
                <td>{decoding}</td>
                <td>{firstWeight}</td>
                <td>{weight}</td>
                <td>{minMargin === 0n ? '–' : String(minMargin)}</td>
                <td>{asked.filter(({ answers }) => answers.some(({ member }) => member === i)).length}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrollable>
      {moved.length > 0 && (
        <Chart title="Weights after each question" rounds={questions} curves={curves} axis="question" />
      )}
    </section>
  )
}

function Questions({
  connection,
  ensemble,
  questions,
}: {
  readonly connection: Connection
  readonly ensemble: Ensemble
  readonly questions: readonly AskedQuestion[]
}) {
  const { timestamp } = connection.head.value
  const [skip, setSkip] = useState(0)
  return (
    <section>
      <h2>Questions</h2>
      {questions.length === 0 ? (
        <p>It was not asked yet.</p>
      ) : (
        <Scrollable label="Questions">
          <table>
            <thead>
              <tr>
                <th scope="col">Question</th>
                <th scope="col">State</th>
                <th scope="col">Opinion</th>
                <th scope="col">Proven answers</th>
                <th scope="col">Until (UTC)</th>
                <th scope="col">Asked by</th>
              </tr>
            </thead>
            <tbody>
              {questions
                .toReversed()
                .slice(skip, skip + PAGE)
                .map((question) => (
                  <tr key={String(question.questionId)}>
                    <td>
                      <a href={link('ensembles', String(ensemble.ensembleId), 'question', String(question.questionId))}>
                        {String(question.questionId)}
                      </a>
                    </td>
                    <td>{statusOf(question, timestamp)}</td>
                    <td>{opinionOf(question, ensemble.votes)}</td>
                    <td>
                      {question.answers.length} of {ensemble.members.length}
                    </td>
                    <td>{time(question.deadline)}</td>
                    <td>
                      <Hex value={question.asker} />
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </Scrollable>
      )}
      <Pages count={questions.length} page={PAGE} skip={skip} onSkip={setSkip} />
    </section>
  )
}

function Ask({
  connection,
  id,
  address,
}: {
  readonly connection: Connection
  readonly id: bigint
  readonly address: string
}) {
  const { block, timestamp } = connection.head.value
  const [commitment, setCommitment] = useState('')
  const [reward, setReward] = useState('0.01')
  const owed = useLoaded(() => owedTo(connection, address), [address], block)
  const contract = connection.site.deployment.contracts.EnsembleOracle
  const abis = [
    contractInterface('EnsembleOracle'),
    contractInterface('InferenceHub'),
    contractInterface('VerifierRegistry'),
  ]
  return (
    <section>
      <h2>Ask it</h2>
      <p>
        The oracle takes a commitment to an input, not the input: 32 bytes in hexadecimal, as `cohort zkml` prints it.
        Whoever is to prove the members' answers needs the input and its salt from you.
      </p>
      <p>
        <label>
          Input commitment{' '}
          <input
            size={24}
            value={commitment}
            spellcheck={false}
            onInput={(event) => setCommitment(event.currentTarget.value.trim())}
          />
        </label>{' '}
        <label>
          Reward in ether{' '}
          <input
            inputMode="decimal"
            size={8}
            value={reward}
            onInput={(event) => setReward(event.currentTarget.value)}
          />
        </label>{' '}
        <Action
          run={async () => {
            if (!/^0x[0-9a-fA-F]{64}$/.test(commitment)) {
              throw new Error('the input commitment takes 0x and 64 hexadecimal digits')
            }
            return await send(connection, 'asked', abis, async (signer) =>
              clients
                .ensembles(contract, signer)
                .ask(id, commitment, timestamp + ASK_SECONDS, { value: weiOf(reward) }),
            )
          }}
        >
          Ask, for an hour
        </Action>
      </p>
      <Show loaded={owed} what="what you are owed">
        {(amount) =>
          amount > 0n && (
            <p>
              The oracle owes you {ether(amount)}.{' '}
              <Action
                run={async () =>
                  await send(connection, 'withdrawn', abis, async (signer) =>
                    clients.ensembles(contract, signer).withdraw(address, address),
                  )
                }
              >
                Withdraw it
              </Action>
            </p>
          )
        }
      </Show>
    </section>
  )
}
