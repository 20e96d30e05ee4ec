// SPDX-License-Identifier: GPL-3.0-or-later
// Faces that the project draws itself. A person is a handful of proportions and shades; each picture shows them in another pose, with other light
// and noise. They stand in for photographs, which no package ships under a licence that lets a project train on strangers' faces and pass on
// the result. How well a network reads drawn faces says nothing about how it would read people.
import { deriveSeed, SeededRandom } from '../../learning/index.ts'
import { IdentityError } from './errors.ts'

/** Pixels along a side; below, bits of a pixel. */
export const FACE_SIDE = 16
export const FACE_BITS = 6
export const FACE_PIXELS = FACE_SIDE * FACE_SIDE
export const BRIGHTEST = 2 ** FACE_BITS - 1

/** Samples along a pixel's side. */
const SAMPLES = 2

/** What stays the same between pictures of a person. Lengths are in half sides of the picture. */
type Person = {
  readonly width: number
  readonly height: number
  /** How square the jaw is: exponent of the outline. */
  readonly jaw: number
  readonly skin: number
  readonly hair: number
  readonly hairline: number
  /** How far down the hair falls at the sides. */
  readonly hairSides: number
  readonly eyeGap: number
  readonly eyeHeight: number
  readonly eyeSize: number
  readonly eyeShade: number
  readonly browRise: number
  readonly browTilt: number
  readonly browShade: number
  readonly noseLength: number
  readonly noseWidth: number
  readonly mouthHeight: number
  readonly mouthWidth: number
  readonly lipShade: number
  readonly beard: number
}

/** What changes between pictures of a person. */
type Pose = {
  readonly shiftX: number
  readonly shiftY: number
  readonly scale: number
  readonly roll: number
  readonly lightX: number
  readonly lightY: number
  readonly contrast: number
  readonly brightness: number
  readonly smile: number
  readonly blink: number
  readonly background: number
  readonly noise: number
}

/**
 * A picture: FACE_PIXELS integers from 0 to BRIGHTEST, row-major, the same from the same numbers everywhere.
 * @param seed the set of people @param person @param shot of that person; whole numbers from 0
 */
export function drawFace(seed: number, person: number, shot: number): Uint8Array {
  for (const [name, value] of Object.entries({ seed, person, shot })) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new IdentityError('bad-input', `${name} is ${value}, a whole number from 0 to 2^32 - 1 is needed`)
    }
  }
  const who = personOf(new SeededRandom(deriveSeed(seed, 1, person)))
  const random = new SeededRandom(deriveSeed(seed, 2, person, shot))
  const pose = poseOf(random)
  const pixels = new Uint8Array(FACE_PIXELS)
  for (let row = 0; row < FACE_SIDE; row++) {
    for (let column = 0; column < FACE_SIDE; column++) {
      let sum = 0
      for (let i = 0; i < SAMPLES * SAMPLES; i++) {
        const x = (2 * (column + ((i % SAMPLES) + 0.5) / SAMPLES)) / FACE_SIDE - 1
        const y = (2 * (row + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES)) / FACE_SIDE - 1
        sum += shadeAt(who, pose, x, y)
      }
      const shade = sum / SAMPLES ** 2 + pose.noise * random.normal()
      pixels[row * FACE_SIDE + column] = Math.round(BRIGHTEST * Math.min(1, Math.max(0, shade)))
    }
  }
  return pixels
}

function personOf(random: SeededRandom): Person {
  const between = (low: number, high: number) => low + (high - low) * random.uniform()
  return {
    width: between(0.5, 0.74),
    height: between(0.72, 0.9),
    jaw: between(1.7, 3.4),
    skin: between(0.4, 0.88),
    hair: between(0.05, 0.7),
    hairline: between(-0.62, -0.34),
    hairSides: between(-0.4, 0.6),
    eyeGap: between(0.2, 0.36),
    eyeHeight: between(-0.24, -0.04),
    eyeSize: between(0.07, 0.14),
    eyeShade: between(0.02, 0.3),
    browRise: between(0.12, 0.26),
    browTilt: between(-0.35, 0.35),
    browShade: between(0.05, 0.5),
    noseLength: between(0.16, 0.4),
    noseWidth: between(0.06, 0.17),
    mouthHeight: between(0.36, 0.56),
    mouthWidth: between(0.16, 0.36),
    lipShade: between(0.15, 0.5),
    beard: random.uniform() < 0.35 ? between(0.2, 0.7) : 0,
  }
}

function poseOf(random: SeededRandom): Pose {
  const spread = (size: number) => (2 * random.uniform() - 1) * size
  return {
    shiftX: spread(0.09),
    shiftY: spread(0.09),
    scale: 1 + spread(0.07),
    roll: spread(0.1),
    lightX: spread(0.18),
    lightY: spread(0.12),
    contrast: 1 + spread(0.15),
    brightness: spread(0.07),
    smile: spread(0.06),
    blink: random.uniform() < 0.1 ? 0.4 : 1,
    background: 0.3 + 0.6 * random.uniform(),
    noise: 0.02,
  }
}

/** Brightness of a point of the picture, x to the right and y downwards from -1 to 1. */
function shadeAt(who: Person, pose: Pose, px: number, py: number): number {
  const [cos, sin] = [Math.cos(pose.roll), Math.sin(pose.roll)]
  const [dx, dy] = [(px - pose.shiftX) / pose.scale, (py - pose.shiftY) / pose.scale]
  const [x, y] = [cos * dx + sin * dy, cos * dy - sin * dx]
  const plain = featureAt(who, pose, x, y)
  const lit = plain * (1 + pose.lightX * x + pose.lightY * y)
  return (lit - 0.5) * pose.contrast + 0.5 + pose.brightness
}

function featureAt(who: Person, pose: Pose, x: number, y: number): number {
  const side = Math.abs(x)
  // The outline: an ellipse above the eyes, squarer below them.
  const power = y > 0 ? who.jaw : 2
  const inside = (side / who.width) ** power + (Math.abs(y) / who.height) ** power <= 1
  const inHair = (side / (who.width + 0.12)) ** 2 + (y / (who.height + 0.1)) ** 2 <= 1
  if (!inside) return inHair && y < who.hairSides ? who.hair : pose.background
  if (y < who.hairline + 0.25 * side ** 2) return who.hair
  const eyeX = side - who.eyeGap
  const eyeY = y - who.eyeHeight
  if ((eyeX / (1.5 * who.eyeSize)) ** 2 + (eyeY / (who.eyeSize * pose.blink)) ** 2 <= 1) return who.eyeShade
  const browY = eyeY + who.browRise + who.browTilt * eyeX
  if (Math.abs(eyeX) < 2 * who.eyeSize && Math.abs(browY) < 0.05) return who.browShade
  const noseEnd = who.eyeHeight + 0.08 + who.noseLength
  if (y > who.eyeHeight && y < noseEnd && side < who.noseWidth * ((y - who.eyeHeight) / (noseEnd - who.eyeHeight))) {
    return who.skin * 0.78
  }
  const mouthY = y - who.mouthHeight - pose.smile * (side / who.mouthWidth) ** 2
  if (side < who.mouthWidth && Math.abs(mouthY) < 0.06) return who.lipShade
  const bearded = who.beard > 0 && y > who.mouthHeight - 0.14
  return bearded ? who.skin * (1 - who.beard) : who.skin
}
