// What a model of this family cannot do, in Google's words.

import { googleError, invalidArgument } from './google_errors.mjs';

const VOICES = new Set(['Zephyr', 'Puck', 'Charon', 'Kore', 'Fenrir', 'Leda', 'Orus', 'Aoede', 'Callirrhoe', 'Autonoe', 'Enceladus',
  'Iapetus', 'Umbriel', 'Algieba', 'Despina', 'Erinome', 'Algenib', 'Rasalgethi', 'Laomedeia', 'Achernar', 'Alnilam', 'Schedar',
  'Gacrux', 'Pulcherrima', 'Achird', 'Zubenelgenubi', 'Vindemiatrix', 'Sadachbia', 'Sadaltager', 'Sulafat'].map((name) => name.toLowerCase()));
const RATIOS = new Set('1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9 1:4 4:1 1:8 8:1'.split(' '));
const SIZES = new Set('512 1K 2K 4K'.split(' '));

const plain = (message) => googleError('INVALID_ARGUMENT', message);
const notEnabled = (what) => plain(`${what} is not enabled for this model`);

function thinkingRefusal(config, { thinking }) {
  if (!config) return undefined;
  if (!thinking) return notEnabled('Thinking');
  const { thinkingBudget: budget, thinkingLevel: level } = config;
  if (budget !== undefined && level !== undefined) return plain('You can only set only one of thinking budget and thinking level.');
  if (level !== undefined) {
    if (!thinking.levels) return plain('Thinking level is not supported for this model.');
    return thinking.levels.includes(level) ? undefined : plain(`Thinking level ${level} is not supported for this model.`);
  }
  if (budget === undefined || budget === -1) return undefined;
  if (thinking.levels) return budget === 0 && thinking.zeroBudget === false ? plain('Request contains an invalid argument.') : undefined;
  if (budget === 0) return thinking.off ? undefined : plain('Budget 0 is invalid. This model only works in thinking mode.');
  return budget >= thinking.least && budget <= thinking.most ? undefined
    : plain(`The thinking budget (${budget}) is invalid. Please choose a value between ${thinking.least} and ${thinking.most}.`);
}

/** Modalities are a set: their order does not matter. */
function modalitiesRefusal(wanted = ['TEXT'], { modalities }, model) {
  const same = (one) => one.length === wanted.length && one.every((modality) => wanted.includes(modality));
  if (modalities.some(same)) return undefined;
  const known = modalities.map((one) => `* ${one.join(', ')}\n`).join('');
  return plain(`The requested combination of response modalities (${wanted.join(', ')}) is not supported by the model. models/${model} `
    + `accepts the following combination of response modalities:\n${known}`);
}

function functionNamesRefusal(declarations, { longNames }) {
  const pattern = longNames ? /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/ : /^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/;
  const bad = declarations.findIndex(({ name }) => !pattern.test(name ?? ''));
  if (bad >= 0) {
    return invalidArgument(`* GenerateContentRequest.tools[0].function_declarations[${bad}].name: Invalid function name. Must start with a `
      + 'letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a '
      + `maximum length of ${longNames ? 128 : 64}.\n`, `tools[0].function_declarations[${bad}].name`);
  }
  const names = declarations.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice && plain(`Duplicate function declaration found: ${twice}`);
}

function callingRefusal(config, declarations) {
  if (!config) return undefined;
  if (!declarations.length) return plain('Function calling config is set without function_declarations.');
  const { allowedFunctionNames: allowed = [], mode = 'AUTO' } = config;
  if (allowed.length && !['ANY', 'VALIDATED'].includes(mode)) {
    return plain('allowed_function_names should only be set when the function calling mode is ANY or VALIDATED.');
  }
  const unknown = allowed.find((name) => !declarations.some((one) => one.name === name));
  return unknown && plain(`allowed_function_names holds a function that is not declared: ${unknown}`);
}

function toolsRefusal({ tools = [], toolConfig, generationConfig = {} }, abilities) {
  const empty = tools.findIndex((tool) => !Object.values(tool).some((value) => !Array.isArray(value) || value.length));
  if (empty >= 0) {
    return invalidArgument(`* GenerateContentRequest.tools[${empty}].tool_type: required one_of 'tool_type' must have one initialized field\n`,
      `tools[${empty}]`);
  }
  const declarations = tools.flatMap((tool) => tool.functionDeclarations ?? []);
  const builtIn = tools.some((tool) => Object.keys(tool).some((name) => name !== 'functionDeclarations'));
  if (builtIn && !abilities.builtInTools) return notEnabled('Search as tool');
  if (declarations.length && !abilities.functions) return notEnabled('Function calling');
  if (declarations.length && builtIn && !abilities.mixedTools) return plain('Tool use with function calling is unsupported');
  if (tools.length && generationConfig.responseMimeType === 'application/json' && !abilities.mixedTools) {
    return plain(`${builtIn ? 'Tool use' : 'Function calling'} with a response mime type: 'application/json' is unsupported`);
  }
  return functionNamesRefusal(declarations, abilities) ?? callingRefusal(toolConfig?.functionCallingConfig, declarations);
}

function mediaConfigRefusal({ speechConfig, imageConfig }, { modalities }) {
  const voice = speechConfig?.voiceConfig?.prebuiltVoiceConfig?.voiceName;
  if (voice !== undefined && !VOICES.has(voice.toLowerCase())) {
    return plain(`Voice name ${voice} is not supported. Allowed voice names are: ${[...VOICES].sort().join(', ')}`);
  }
  if (!imageConfig) return undefined;
  if (!modalities.flat().includes('IMAGE')) return notEnabled('Image output');
  const { aspectRatio, imageSize } = imageConfig;
  if (aspectRatio !== undefined && !RATIOS.has(aspectRatio)) return plain('Request contains an invalid argument.');
  return imageSize !== undefined && !SIZES.has(imageSize) ? plain('Request contains an invalid argument.') : undefined;
}

/** The refusal of something that the model does not have, or nothing. */
export function capabilityRefusal(body, abilities, model) {
  const config = body.generationConfig ?? {};
  if (body.systemInstruction && !abilities.instructions) return notEnabled('Developer instruction');
  if (body.contents.length > 1 && !abilities.turns) return notEnabled('Multiturn chat');
  if (config.candidateCount > 1) return notEnabled('Multiple candidates');
  if (config.presencePenalty || config.frequencyPenalty) return notEnabled('Penalty');
  if (config.responseLogprobs || config.logprobs !== undefined) return notEnabled('Logprobs');
  if (config.responseMimeType === 'application/json' && !abilities.json) return notEnabled('JSON mode');
  return thinkingRefusal(config.thinkingConfig, abilities)
    ?? modalitiesRefusal(config.responseModalities, abilities, model)
    ?? toolsRefusal(body, abilities)
    ?? mediaConfigRefusal(config, abilities);
}
