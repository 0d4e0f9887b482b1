// The messages of the API, field by field. Google refuses every name that it does not know, so we do.
//
// A type is the name of a message or of a scalar, `[type]` for a list, `{of: type}` for a map. `struct` is free JSON.

export const MESSAGES = {
  GenerateContentRequest: {
    contents: ['Content'], systemInstruction: 'Content', tools: ['Tool'], toolConfig: 'ToolConfig', safetySettings: ['SafetySetting'],
    generationConfig: 'GenerationConfig', cachedContent: 'string', serviceTier: 'string', store: 'bool', continuationToken: 'string',
    labels: { of: 'string' }, model: 'string',
  },
  CountTokensRequest: { contents: ['Content'], generateContentRequest: 'GenerateContentRequest', model: 'string' },
  VertexRequest: { systemInstruction: 'Content', tools: ['Tool'], generationConfig: 'GenerationConfig', contents: ['Content'],
    instances: ['struct'], model: 'string' },
  EmbedContentRequest: { model: 'string', content: 'Content', taskType: 'TaskType', title: 'string', outputDimensionality: 'int32' },
  BatchEmbedContentsRequest: { requests: ['EmbedContentRequest'], model: 'string' },
  Content: { role: 'string', parts: ['Part'] },
  Part: {
    text: 'string', inlineData: 'Blob', fileData: 'FileData', functionCall: 'FunctionCall', functionResponse: 'FunctionResponse',
    executableCode: 'ExecutableCode', codeExecutionResult: 'CodeExecutionResult', toolCall: 'struct', toolResponse: 'struct',
    audioTranscription: 'struct', thought: 'bool', thoughtSignature: 'bytes', videoMetadata: 'VideoMetadata',
    mediaResolution: 'MediaResolution', partMetadata: 'struct', mediaProcessing: 'struct', speechMetadata: 'struct',
  },
  Blob: { mimeType: 'string', data: 'bytes' },
  FileData: { mimeType: 'string', fileUri: 'string' },
  FunctionCall: { id: 'string', name: 'string', args: 'object' },
  FunctionResponse: { id: 'string', name: 'string', response: 'object', parts: ['Part'], willContinue: 'bool', scheduling: 'string' },
  ExecutableCode: { id: 'string', language: 'string', code: 'string' },
  CodeExecutionResult: { id: 'string', outcome: 'string', output: 'string' },
  VideoMetadata: { startOffset: 'string', endOffset: 'string', fps: 'double' },
  MediaResolution: { level: 'string', numTokens: 'int32' },
  Tool: {
    functionDeclarations: ['FunctionDeclaration'], googleSearch: 'GoogleSearch', googleSearchRetrieval: 'struct', codeExecution: 'Empty',
    urlContext: 'Empty', googleMaps: 'struct', fileSearch: 'struct', computerUse: 'struct', mcpServers: ['struct'],
  },
  Empty: {},
  GoogleSearch: { timeRangeFilter: 'struct', searchTypes: 'struct' },
  FunctionDeclaration: {
    name: 'string', description: 'string', parameters: 'Schema', parametersJsonSchema: 'struct', response: 'Schema',
    responseJsonSchema: 'struct', behavior: 'string',
  },
  ToolConfig: { functionCallingConfig: 'FunctionCallingConfig', retrievalConfig: 'struct', includeServerSideToolInvocations: 'bool' },
  FunctionCallingConfig: { mode: 'CallingMode', allowedFunctionNames: ['string'] },
  SafetySetting: { category: 'HarmCategory', threshold: 'HarmBlockThreshold' },
  GenerationConfig: {
    temperature: 'double', topP: 'double', topK: 'int32', candidateCount: 'int32', maxOutputTokens: 'int32', stopSequences: ['string'],
    seed: 'int32', presencePenalty: 'double', frequencyPenalty: 'double', responseMimeType: 'string', responseSchema: 'Schema',
    responseJsonSchema: 'struct', _responseJsonSchema: 'struct', responseFormat: 'struct', responseLogprobs: 'bool', logprobs: 'int32',
    responseModalities: ['Modality'], speechConfig: 'SpeechConfig', imageConfig: 'ImageConfig', mediaResolution: 'string',
    thinkingConfig: 'ThinkingConfig', enableEnhancedCivicAnswers: 'bool', audioTranscriptionConfig: 'struct', translationConfig: 'struct',
  },
  SpeechConfig: { voiceConfig: 'VoiceConfig', multiSpeakerVoiceConfig: 'struct', languageCode: 'string' },
  VoiceConfig: { prebuiltVoiceConfig: 'PrebuiltVoiceConfig' },
  PrebuiltVoiceConfig: { voiceName: 'string' },
  ImageConfig: { aspectRatio: 'string', imageSize: 'string' },
  ThinkingConfig: { includeThoughts: 'bool', thinkingBudget: 'int32', thinkingLevel: 'ThinkingLevel' },
  Schema: {
    type: 'SchemaType', format: 'string', title: 'string', description: 'string', nullable: 'bool', enum: ['string'], items: 'Schema',
    minItems: 'int64', maxItems: 'int64', properties: { of: 'Schema' }, required: ['string'], minProperties: 'int64',
    maxProperties: 'int64', minLength: 'int64', maxLength: 'int64', pattern: 'string', minimum: 'double', maximum: 'double',
    example: 'struct', anyOf: ['Schema'], propertyOrdering: ['string'], default: 'struct',
  },
};

/** What only the Vertex service understands. */
export const VERTEX_FIELDS = {
  GenerationConfig: { routingConfig: 'struct', audioTimestamp: 'bool', modelSelectionConfig: 'struct' },
  Blob: { displayName: 'string' },
};

const words = (text) => new Set(text.split(' '));
export const ENUMS = {
  CallingMode: words('MODE_UNSPECIFIED AUTO ANY NONE VALIDATED'),
  HarmCategory: words('HARM_CATEGORY_HARASSMENT HARM_CATEGORY_HATE_SPEECH HARM_CATEGORY_SEXUALLY_EXPLICIT '
    + 'HARM_CATEGORY_DANGEROUS_CONTENT HARM_CATEGORY_CIVIC_INTEGRITY'),
  HarmBlockThreshold: words('OFF BLOCK_NONE BLOCK_ONLY_HIGH BLOCK_MEDIUM_AND_ABOVE BLOCK_LOW_AND_ABOVE HARM_BLOCK_THRESHOLD_UNSPECIFIED'),
  Modality: words('TEXT IMAGE AUDIO VIDEO MODALITY_UNSPECIFIED'),
  SchemaType: words('STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL TYPE_UNSPECIFIED'),
  TaskType: words('TASK_TYPE_UNSPECIFIED RETRIEVAL_QUERY RETRIEVAL_DOCUMENT SEMANTIC_SIMILARITY CLASSIFICATION CLUSTERING '
    + 'QUESTION_ANSWERING FACT_VERIFICATION CODE_RETRIEVAL_QUERY'),
  ThinkingLevel: words('THINKING_LEVEL_UNSPECIFIED MINIMAL LOW MEDIUM HIGH XHIGH'),
};

/** Enums whose words are taken in any case. */
export const LENIENT_ENUMS = words('SchemaType ThinkingLevel');

const INT32 = 2 ** 31;
const isNumber = (value) => typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value)));
const isInteger = (value) => isNumber(value) && Number.isInteger(Number(value));
export const isObject = (value) => typeof value === 'object' && !Array.isArray(value);

export const SCALARS = {
  string: { name: 'TYPE_STRING', fits: (value) => typeof value === 'string' },
  bool: { name: 'TYPE_BOOL', fits: (value) => typeof value === 'boolean' },
  double: { name: 'TYPE_FLOAT', fits: isNumber, read: Number },
  int32: { name: 'TYPE_INT32', fits: (value) => isInteger(value) && value >= -INT32 && value < INT32, read: Number },
  int64: { name: 'TYPE_INT64', fits: isInteger, read: Number },
  bytes: { name: 'TYPE_BYTES', fits: (value) => typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value) },
  object: { name: 'type.googleapis.com/google.protobuf.Struct', fits: isObject },
  struct: { fits: () => true },
};
