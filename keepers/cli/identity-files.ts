// SPDX-License-Identifier: GPL-3.0-or-later
// The actions of `cohort identity` that need no chain.
import { open, readFile } from 'node:fs/promises'
import {
  BRIGHTEST,
  CHOSEN_ON,
  commitPicture,
  documentKey,
  drawFace,
  ENROLMENT_SHOTS,
  embeddingOf,
  enrol,
  FACE_SIDE,
  faceModel,
  faceProgram,
  faceScores,
  holderOf,
  identityCircuit,
  isNear,
  issueCredential,
  JUDGED,
  listCircuit,
  NEARNESS,
  parseDate,
  parseKeyMaterial,
  ratesAt,
  readPicture,
  savedFaceModel,
  signCapture,
  thresholdFor,
  trainFaceModel,
  writeCapture,
  writeCredential,
  writePicture,
  writeWallet,
} from '../apps/identity/index.ts'
import { eddsaMaterial, randomSalt, writeAtomically } from '../zkml/index.ts'
import { readKey } from './zkml/sign-commands.ts'
import { emit, percent, usage, withTerminal } from './zkml/terminal.ts'

type Json = { readonly json?: boolean }

/** The false-match rate for which the circuit's threshold was chosen. */
const CHOSEN_RATE = 0.01
/** Thresholds of the curve, in hundredths of a squared cosine. */
const CURVE = Array.from({ length: 19 }, (_, i) => (i + 1) / 20)

export async function train(options: Json & { readonly seed: number; readonly out?: string }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const model = await trainFaceModel({
      seed: options.seed,
      signal: terminal.signal,
      onProgress: ({ epoch, epochs, accuracy }) =>
        terminal.progress(`training, epoch ${Math.min(epoch + 1, epochs)} of ${epochs}: ${percent(accuracy)}`),
    })
    const text = savedFaceModel(model, options.seed)
    await emit(text, options.out)
    if (options.out === undefined) return
    const { falseMatch, falseNonMatch } = JSON.parse(text)
    terminal.result(
      { model: options.out, falseMatch, falseNonMatch, people: JUDGED.people },
      `${options.out}\nfalse matches ${percent(falseMatch, 2)}, false non-matches ${percent(falseNonMatch, 2)} of drawn people`,
    )
  })
}

export async function rates(options: Json & { readonly model?: string; readonly people: number }): Promise<void> {
  await withTerminal(options, async (terminal) => {
    const program = await programOf(options.model)
    const { people } = options
    terminal.progress('looking at pictures')
    const threshold = thresholdFor(faceScores(program, CHOSEN_ON), CHOSEN_RATE)
    const scores = faceScores(program, { ...JUDGED, people })
    const used = NEARNESS.numerator / NEARNESS.denominator
    const curve = [...new Set([...CURVE, used])].sort((a, b) => a - b).map((at) => ratesAt(scores, at))
    terminal.result(
      { people, circuit: used, chosen: threshold, curve },
      [
        `${people} drawn people, templates of ${ENROLMENT_SHOTS} pictures, ${scores.genuine.length} own and ${scores.impostor.length} others' pictures`,
        `the circuit asks for ${used}; ${threshold} let one stranger in a hundred through among other people`,
        ...curve.map(
          (point) =>
            `${point.threshold.toFixed(3)}  false match ${percent(point.falseMatch, 3)}  false non-match ${percent(point.falseNonMatch, 3)}`,
        ),
      ].join('\n'),
    )
  })
}

export async function circuit(
  folder: string,
  options: Json & { readonly list?: boolean; readonly local?: boolean; readonly model?: string },
): Promise<void> {
  if (options.list === true && options.model !== undefined) throw usage('--list has no network: leave --model out')
  await withTerminal(options, async ({ signal, progress, result }) => {
    progress(options.list === true ? 'compiling' : 'compiling; half a minute')
    const choice = { signal, local: options.local === true }
    const made =
      options.list === true
        ? await listCircuit(folder, choice)
        : await identityCircuit(folder, await programOf(options.model), choice)
    const { circuitId, constraints, signals } = made
    const key = options.local === true ? '\na local key: for tests alone' : ''
    result(
      { folder, circuitId, constraints, signals: signals.length, setup: options.local === true ? 'local' : null },
      `${folder}: ${constraints} constraints, ${signals.length} public signals\ncircuit ${circuitId}${key}`,
    )
  })
}

export async function wallet(options: Json & { readonly out: string }): Promise<void> {
  await withTerminal(options, async ({ result }) => {
    const secret = randomSalt()
    await writeSecret(options.out, writeWallet(secret))
    const holder = hex(holderOf(secret))
    result({ wallet: options.out, holder }, `${options.out}: keep it secret\nholder ${holder}`)
  })
}

export async function picture(
  options: Json & { readonly person: number; readonly shot: number; readonly out: string; readonly show?: boolean },
): Promise<void> {
  await withTerminal(options, async ({ result }) => {
    const { person, shot, out } = options
    const pixels = drawFace(1, person, shot)
    await emit(writePicture(pixels), out)
    result({ picture: out, person, shot }, options.show === true ? `${out}\n${inCharacters(pixels)}` : out)
  })
}

export async function issue(
  options: Json & {
    readonly key: string
    readonly holder: bigint
    readonly camera: string
    readonly picture: readonly string[]
    readonly document: string
    readonly country: number
    readonly born: string
    readonly expires: string
    readonly out: string
  },
): Promise<void> {
  await withTerminal(options, async ({ result }) => {
    const fields = {
      holder: options.holder,
      document: documentKey(options.country, options.document),
      born: parseDate(options.born, '--born'),
      country: options.country,
      expires: parseDate(options.expires, '--expires'),
      camera: parseKeyMaterial(options.camera, '--camera'),
    }
    const pictures = await Promise.all(
      options.picture.map(async (file) => readPicture(await readFile(file, 'utf8'), file)),
    )
    const program = await programOf(undefined)
    const face = enrol(program, pictures)
    const stranger = pictures.findIndex((pixels) => !isNear(embeddingOf(program, pixels), face))
    if (stranger >= 0) throw usage(`${options.picture[stranger]}: not the person of the other pictures; take it again`)
    const credential = issueCredential(await readKey(options.key), { ...fields, face })
    await writeSecret(options.out, writeCredential(credential))
    const shown = { id: hex(credential.id), document: hex(fields.document), issuer: eddsaMaterial(credential.issuer) }
    result(
      { credential: options.out, ...shown },
      `${options.out}: for the holder, and nobody else\nid        ${shown.id}   (revokes it)\nissuer    ${shown.issuer}`,
    )
  })
}

export async function capture(
  options: Json & { readonly key: string; readonly picture: string; readonly context: bigint; readonly out: string },
): Promise<void> {
  await withTerminal(options, async ({ result }) => {
    const pixels = readPicture(await readFile(options.picture, 'utf8'), options.picture)
    const program = await programOf(undefined)
    const commit = (found: ArrayLike<number>, salt: bigint) => commitPicture(program, found, salt)
    const made = signCapture(await readKey(options.key), pixels, options.context, commit)
    await writeAtomically(options.out, writeCapture(made), 0o600)
    result({ capture: options.out, context: String(made.context) }, `${options.out}: for the holder, and nobody else`)
  })
}

export async function document(options: Json & { readonly document: string; readonly country: number }): Promise<void> {
  await withTerminal(options, async ({ result }) => {
    const value = hex(documentKey(options.country, options.document))
    result({ value }, value)
  })
}

/** The integer network of a file, or of this release. */
export async function programOf(file: string | undefined) {
  return faceProgram(faceModel(file === undefined ? undefined : await readFile(file, 'utf8')))
}

export function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}

/** Writes a file that only its owner can read. Never replaces a file, which may hold the only copy of another secret. */
async function writeSecret(path: string, text: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? usage(`${path} exists, and is not replaced`) : error
  })
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function inCharacters(pixels: Uint8Array): string {
  const shades = ' .:-=+*#%@'
  const rows: string[] = []
  for (let row = 0; row < FACE_SIDE; row++) {
    const line = pixels.subarray(row * FACE_SIDE, (row + 1) * FACE_SIDE)
    rows.push(Array.from(line, (pixel) => shades[Math.floor((pixel * 9) / BRIGHTEST)]!.repeat(2)).join(''))
  }
  return rows.join('\n')
}
