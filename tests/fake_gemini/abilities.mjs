// What each family of models can do, as Google's refusals tell it. A name that nobody knows behaves like the newest.

const TEXT = [['TEXT']];
const PICTURES = [['TEXT', 'IMAGE'], ['IMAGE']];
const SPEECH = [['AUDIO']];

const LEVELS = ['MINIMAL', 'LOW', 'MEDIUM', 'HIGH'];
const WITHOUT_MINIMAL = LEVELS.slice(1);

const budget = (least, most, off) => ({ least, most, off });
const levels = (known, facts = {}) => ({ levels: known, ...facts });

/** The first row whose pattern fits the model's name says how it thinks. */
const THINKING = [
  [/^gemini-2\.5-pro/, budget(128, 32768, false)],
  [/^gemini-2\.5-flash-lite/, budget(512, 24576, true)],
  [/^gemini-2\.5-flash/, budget(0, 24576, true)],
  [/-tts\b|embedding|^gemma|^imagen|^veo|^gemini-[12]\./, undefined],
  [/^gemini-3-pro-image/, budget(128, 32768, false)],
  [/^gemini-3\.1-flash.*-image/, levels(['MINIMAL', 'HIGH'])],
  [/-image\b/, budget(0, 24576, true)],
  [/^gemini-3(\.1)?-pro|^gemini-pro-latest/, levels(WITHOUT_MINIMAL)],
  [/^gemini-3\.5-flash-lite/, levels(LEVELS, { zeroBudget: false })],
  [/^gemini-3(\.[0-6])?-flash/, levels(LEVELS)],
  [/^gemini-4-hydrogen/, levels([...WITHOUT_MINIMAL, 'XHIGH'])],
  [/^/, levels(WITHOUT_MINIMAL)],
];

function modalitiesOf(id) {
  if (/-tts\b/.test(id)) return SPEECH;
  return /-image\b|nano-banana/.test(id) ? PICTURES : TEXT;
}

/** 2.5, 3, 3.5 ...; the newest for aliases and names without a number. */
function generationOf(id) {
  const found = id.match(/^gemini-(\d+(?:\.\d+)?)/);
  return found ? Number(found[1]) : 99;
}

export function abilitiesOf(id) {
  const generation = generationOf(id);
  const modalities = modalitiesOf(id);
  const isGemma3 = /^gemma-[123]/.test(id);
  const isSpeech = modalities === SPEECH;
  const isText = modalities === TEXT;
  return {
    generation,
    modalities,
    thinking: THINKING.find(([pattern]) => pattern.test(id))[1],
    instructions: !isGemma3 && !isSpeech,
    functions: !isGemma3 && isText,
    builtInTools: !isGemma3 && !isSpeech,
    turns: !isSpeech,
    audioInput: !isSpeech && !isGemma3,
    json: !isGemma3 && isText,
    // Functions beside built-in tools, and either beside JSON output.
    mixedTools: generation >= 3,
    modelTurnLast: !(generation >= 3.6 || id.startsWith('gemini-3.5-flash-lite')),
    functionIds: generation >= 3.6,
    // Image models answer for their pictures, the others for their calls.
    signatures: generation >= 3 && !/^gemma/.test(id) && { calls: isText, pictures: modalities === PICTURES },
    longNames: generation >= 3,
  };
}
