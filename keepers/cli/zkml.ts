// SPDX-License-Identifier: GPL-3.0-or-later
// `cohort zkml`: from a trained model to a proof that a contract accepts. Files in and out: docs/zkml.md.
import { type Command, Option } from 'commander'
import { dimension, fieldElement, finiteNumber, wholeNumber } from './zkml/terminal.ts'
import { inputVisibility, outputVisibility, wantedPart } from './zkml/visibility.ts'

const backend = () =>
  new Option('--backend <name>', 'what computes the proof').choices(['wasm', 'snarkjs', 'rapidsnark']).default('wasm')
/** Commander's help cannot show a bigint by itself. */
const contextOption = (description: string) =>
  new Option('--context <number>', description).argParser(fieldElement('--context')).default(0n, '0')
const withInput = (command: Command) =>
  command
    .requiredOption('--input <file>', 'JSON list of numbers, or an IDX file with --index')
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .option('--clamp', 'move values outside the calibrated range to its edge instead of refusing them')
    .addOption(contextOption('what the proof is for: the fourth public signal'))
const simplification = () =>
  new Option('--simplification <level>', 'how hard circom simplifies').choices(['O1', 'O2']).default('O1')
const system = () =>
  new Option(
    '--system <name>',
    'groth16, or groth16-lookup: a fourth of the constraints, 45,000 gas more a proof (default: the faster one for the circuit)',
  ).choices(['groth16', 'groth16-lookup'])
const claimSystem = () =>
  new Option('--system <name>', 'groth16, or groth16-lookup: fewer constraints, more gas')
    .choices(['groth16', 'groth16-lookup'])
    .default('groth16')
/** Lengths of symbolic dimensions of an ONNX file, by their names there. */
const dimensions = () =>
  new Option('--dim <name=length>', 'length of a symbolic dimension of an .onnx file; may be repeated')
    .argParser(dimension)
    .default({}, 'none')
/** Which output of an ONNX file with several the network computes. */
const taken = () =>
  new Option('--take <name>', 'which output of an .onnx file with several is computed; more than one by commas')
const tablesSize = (name: string) => wholeNumber(name, 1, 4096)
const JSON_FLAG = ['--json', 'print the result as JSON'] as const

export function registerZkml(program: Command): void {
  const zkml = program
    .command('zkml')
    .description('turn a trained model into a prover and a Solidity verifier')
    .addHelpText(
      'after',
      `
A model's way to a contract:
  cohort zkml calibrate model/ --data samples.json --out plan.json
  cohort zkml compile model/ --plan plan.json --out digits/
  cohort zkml setup digits/ --local
  cohort zkml fullprove digits/ --input image.json --out proof.json
  cohort zkml verify digits/ proof.json
  cohort zkml export-verifier digits/ --out Digits.sol`,
    )
  registerModelCommands(zkml)
  registerProofCommands(zkml)
  registerSignCommands(zkml)
  registerVerifierCommands(zkml)
  registerSegmentCommands(zkml)
  registerClaimCommands(zkml)
}

function registerModelCommands(zkml: Command): void {
  zkml
    .command('calibrate <model>')
    .description('choose scales and bit widths from data; writes the plan')
    .requiredOption('--data <file>', 'samples: JSON {"inputs", "labels"} or IDX images')
    .option('--labels <file>', 'IDX labels of IDX images')
    .option('--samples <n>', 'how many samples set the scales', wholeNumber('--samples', 1, 1_000_000), 200)
    .option('--held-out <n>', 'how many further samples judge', wholeNumber('--held-out', 1, 1_000_000), 500)
    .addOption(
      new Option('--mode <mode>', 'weights as constants, or as committed witness')
        .choices(['released', 'committed'])
        .default('released'),
    )
    .option('--input-bits <n>', 'bits of an input value', wholeNumber('--input-bits', 1, 24), 8)
    .option('--weight-bits <n>', 'bits of a weight, sign included', wholeNumber('--weight-bits', 2, 24))
    .option('--activation-bits <n>', 'bits of an activation', wholeNumber('--activation-bits', 1, 24))
    .option('--headroom <factor>', 'committed: how much later weights may grow', finiteNumber('--headroom', 1, 1024))
    .option(
      '--no-search',
      'take bits as given (default 8), also done where --weight-bits or --activation-bits are given',
    )
    .addOption(system())
    .option(
      '--max-loss <points>',
      'search: give up bits while accuracy falls by no more, in percentage points (default: 0.3)',
      finiteNumber('--max-loss', 0, 100),
    )
    .option(
      '--max-error <percent>',
      'search: and while the error of the scores is at most this share of their variance (default: 1; where the scores are the statement: 0.1)',
      finiteNumber('--max-error', 0, 100),
    )
    .option('--budget <seconds>', 'search: take the best bits found by then', wholeNumber('--budget', 1, 86_400), 60)
    .option('--target <constraints>', 'search: stop at so few constraints', wholeNumber('--target', 1, 2 ** 27))
    .option('--output <statement>', 'label, margin, value, logits-commitment or score:INDEX:THRESHOLD', 'label')
    .addOption(dimensions())
    .addOption(taken())
    .option('--out <file>', 'where the plan goes', 'plan.json')
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./zkml/calibrate-command.ts')).calibrateCommand(model, options))
  zkml
    .command('table <model>')
    .description('every layer with its range, bits and constraints; takes a model with --plan, or a compiled folder')
    .option('--plan <file>', 'the plan that calibrate wrote')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./zkml/model-commands.ts')).tableCommand(model, options))
  zkml
    .command('provable <manifest>')
    .description(
      'whether every version of a service’s model can be proven, and every layer’s range, bits and constraints',
    )
    .option('--output <name>', 'what a proof shows: label or margin, value, or the name of one of several labels')
    .option(...JSON_FLAG)
    .action(async (manifest, options) =>
      (await import('./zkml/provable-command.ts')).provableCommand(manifest, options),
    )
  zkml
    .command('compile <model>')
    .description('write and compile the circuit into a folder')
    .requiredOption('--plan <file>', 'the plan that calibrate wrote')
    .requiredOption('--out <folder>', 'the folder that becomes the provable model')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .addOption(system())
    .addOption(simplification())
    .option('--model-salt <file>', 'committed: a file with the 0x… salt of the model commitment; drawn when absent')
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./zkml/model-commands.ts')).compileCommand(model, options))
  zkml
    .command('check <folder>')
    .description('write the circuit of a folder that somebody else compiled anew from its program, and compare')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/model-commands.ts')).checkCommand(folder, options))
  zkml
    .command('setup <folder>')
    .description('make the proving key of a compiled folder')
    .option('--local', 'single-party set-up with a fresh secret: for development, never for value')
    .option('--ceremony <zkey>', 'take over the key that `cohort ceremony finalize` wrote')
    .option('--threads <n>', 'worker threads', wholeNumber('--threads', 1, 64))
    .option('--tables [MiB]', 'also what `zkml tables` does, in a file of at most so much', tablesSize('--tables'))
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      `
Examples:
  cohort zkml setup digits/ --local
  cohort zkml setup digits/ --ceremony final.zkey --tables 16`,
    )
    .action(async (folder, options) => (await import('./zkml/proof-commands.ts')).setupCommand(folder, options))
  zkml
    .command('tables <folder>')
    .description(
      'write multiples of the key’s points beside it, with which the wasm backend proves with fewer additions',
    )
    .option(
      '--size <MiB>',
      'bound of the file (default: 8); proving needs 1.25 times its size more memory',
      tablesSize('--size'),
    )
    .option('--threads <n>', 'threads of the prover (default: this machine’s)', wholeNumber('--threads', 1, 64))
    .option(...JSON_FLAG)
    .addHelpText(
      'after',
      `
Examples:
  cohort zkml tables digits/
  cohort zkml tables digits/ --size 16 --json
The prover uses the file when it is there. Delete it, circuit.zkey.tables, to prove without.`,
    )
    .action(async (folder, options) => (await import('./zkml/tables-command.ts')).tablesCommand(folder, options))
}

function registerProofCommands(zkml: Command): void {
  withInput(zkml.command('mock <folder>'))
    .description('compute the witness and check every constraint, without a proof')
    .option('--witness <file>', 'also write the witness, which is secret, as .wtns')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/proof-commands.ts')).mockCommand(folder, options))
  zkml
    .command('prove <folder>')
    .description('prove for a witness that mock wrote')
    .requiredOption('--witness <file>', 'the .wtns file')
    .option('--out <file>', 'where the proof goes; stdout when absent')
    .addOption(backend())
    .action(async (folder, options) => (await import('./zkml/proof-commands.ts')).proveCommand(folder, options))
  withInput(zkml.command('fullprove <folder>'))
    .description('from an input to a proof')
    .option('--out <file>', 'where the proof goes', 'proof.json')
    .option(
      '--openings <file>',
      'file for the salts of commitments, which are secret (default: openings.json in the folder of --out)',
    )
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/proof-commands.ts')).fullproveCommand(folder, options))
  zkml
    .command('verify <key> <proofs...>')
    .description(
      'verify proofs against a folder, its circuit and its model, or a verification key; exit code 1 if one is invalid',
    )
    .option('--public <file>', "public signals of snarkjs' proof.json")
    .option('--context <number>', 'what the proofs must be for', fieldElement('--context'))
    .option('--input <file|number>', 'the input that they must be about: a file, or its commitment')
    .addOption(wantedPart())
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .option('--clamp', 'of --input: move values outside the calibrated range to its edge')
    .option(
      '--model <number>',
      'the model commitment that they must be about (default: the folder’s)',
      fieldElement('--model'),
    )
    .option(...JSON_FLAG)
    .action(async (key, proofs, options) =>
      (await import('./zkml/verify-command.ts')).verifyCommand(key, proofs, options),
    )
  withInput(zkml.command('bench <folder>'))
    .description('time witness, proof and verification')
    .option('--runs <n>', 'measured runs', wholeNumber('--runs', 1, 1000), 5)
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/proof-commands.ts')).benchCommand(folder, options))
}

function registerSignCommands(zkml: Command): void {
  zkml
    .command('sign-key')
    .description('draw a key that signs private content, and print what PublisherRegistry.addKey takes')
    .requiredOption('--out <file>', 'where the key goes, which is secret; must not exist')
    .option(...JSON_FLAG)
    .action(async (options) => (await import('./zkml/sign-commands.ts')).signKeyCommand(options))
  zkml
    .command('sign <folder>')
    .description('sign an input for a circuit that shows signer and tag, and nothing of the input')
    .requiredOption('--input <file>', 'JSON list of numbers, or an IDX file with --index')
    .option('--index <n>', 'which image of an IDX file', wholeNumber('--index', 0, 2 ** 31))
    .requiredOption('--tag <number>', 'the purpose of the signature, a number below 2^64', fieldElement('--tag'))
    .requiredOption('--key <file>', 'the key that sign-key drew')
    .requiredOption('--out <file>', 'where input, salt and signature go, which are secret: an input of fullprove')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/sign-commands.ts')).signCommand(folder, options))
}

function registerVerifierCommands(zkml: Command): void {
  zkml
    .command('export-verifier <folder>')
    .description('write the Solidity verifier of the folder’s key')
    .option('--name <contract>', 'name of the contract', 'Groth16Verifier')
    .option('--out <file>', 'where the source goes; stdout when absent')
    .action(async (folder, options) =>
      (await import('./zkml/verifier-commands.ts')).exportVerifierCommand(folder, options),
    )
  zkml
    .command('encode-calldata <proofs...>')
    .description('calldata of verifyProof for one proof, of verifyBatch for several')
    .option('--public <file>', "public signals of snarkjs' proof.json")
    .option('--batch', 'verifyBatch for a single proof too')
    .option(...JSON_FLAG)
    .action(async (proofs, options) =>
      (await import('./zkml/verifier-commands.ts')).encodeCalldataCommand(proofs, options),
    )
}

function registerSegmentCommands(zkml: Command): void {
  zkml
    .command('split <model>')
    .description('cut a model between layers into circuits that different provers prove at the same time')
    .requiredOption('--plan <file>', 'the plan that calibrate wrote')
    .requiredOption('--segments <n>', 'how many circuits', wholeNumber('--segments', 2, 64))
    .requiredOption('--out <folder>', 'gets segment-1/ … segment-n/ and segments.json')
    .addOption(dimensions())
    .addOption(taken())
    .addOption(inputVisibility())
    .addOption(outputVisibility())
    .addOption(system())
    .addOption(simplification())
    .option(...JSON_FLAG)
    .action(async (model, options) => (await import('./zkml/segment-commands.ts')).splitCommand(model, options))
  withInput(zkml.command('segment-inputs <folder>'))
    .description('what each segment is to prove of one input: an input file for each, which is secret')
    .requiredOption('--out <folder>', 'gets segment-1.json … segment-n.json, inputs of fullprove')
    .option(...JSON_FLAG)
    .action(async (folder, options) =>
      (await import('./zkml/segment-commands.ts')).segmentInputsCommand(folder, options),
    )
  zkml
    .command('verify-chain <folder> <proofs...>')
    .description('verify the proofs of all segments, in order, and that they are one inference; exit code 1 when not')
    .addOption(contextOption('what the proofs are for'))
    .option('--input-commitment <number>', 'the input that it must be', fieldElement('--input-commitment'))
    .option(...JSON_FLAG)
    .action(async (folder, proofs, options) =>
      (await import('./zkml/segment-commands.ts')).verifyChainCommand(folder, proofs, options),
    )
}

function registerClaimCommands(zkml: Command): void {
  const claim = zkml
    .command('claim')
    .description('prove how good or how fair a committed model is on a committed batch, and nothing else')
  const compiled = (command: Command) =>
    command
      .requiredOption('--plan <file>', 'the plan that calibrate wrote')
      .requiredOption('--count <n>', 'samples in a batch', wholeNumber('--count', 1, 4095))
      .requiredOption('--out <folder>', 'the folder that makes such claims; set it up with zkml setup')
      .addOption(dimensions())
      .addOption(taken())
      .option('--model-salt <file>', 'committed: a file with the 0x… salt of the model commitment; drawn when absent')
      .addOption(claimSystem())
      .addOption(simplification())
      .option(...JSON_FLAG)
  compiled(claim.command('accuracy <model>'))
    .description('compile: at least k of n samples get their label')
    .action(async (model, options) =>
      (await import('./zkml/claim-commands.ts')).claimCompileCommand(model, 'accuracy', options),
    )
  compiled(claim.command('fairness <model>'))
    .description('compile: two groups get a label at rates that differ by at most this many permille')
    .requiredOption('--positive <label>', 'the label that counts as positive', wholeNumber('--positive', 0, 65_535))
    .action(async (model, options) =>
      (await import('./zkml/claim-commands.ts')).claimCompileCommand(model, 'fairness', options),
    )
  const withBatch = (command: Command) =>
    command
      .requiredOption('--batch <file>', 'JSON {"inputs", "labels" or "groups"}, or IDX images with --labels')
      .option('--clamp', 'move values outside the calibrated range to its edge instead of refusing them')
      .option('--labels <file>', 'IDX labels of IDX images')
  withBatch(claim.command('commit <folder>'))
    .description('the commitment of a batch, for its keeper to publish before any claim is made')
    .option('--out <file>', 'the batch with the salt of its commitment, which is secret', 'batch.opening.json')
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/claim-commands.ts')).claimCommitCommand(folder, options))
  withBatch(claim.command('prove <folder>'))
    .description('prove a claim about a batch')
    .option(
      '--claim <n>',
      'least right answers, or most permille (default: the true value)',
      wholeNumber('--claim', 0, 4095),
    )
    .addOption(contextOption('what the proof is for: the fourth public signal'))
    .option('--out <file>', 'where the proof goes', 'claim.json')
    .option('--opening <file>', 'where the batch with its salt goes, if it was drawn here', 'batch.opening.json')
    .addOption(backend())
    .option(...JSON_FLAG)
    .action(async (folder, options) => (await import('./zkml/claim-commands.ts')).claimProveCommand(folder, options))
  claim
    .command('verify <folder> <proof>')
    .description('verify a claim and say it in words; exit code 1 when it does not hold')
    .option('--model <number>', 'the model commitment that it must be about', fieldElement('--model'))
    .option('--batch <number>', 'the batch commitment that it must be about', fieldElement('--batch'))
    .addOption(contextOption('what the proof is for'))
    .option(...JSON_FLAG)
    .action(async (folder, proof, options) =>
      (await import('./zkml/claim-commands.ts')).claimVerifyCommand(folder, proof, options),
    )
}
