local schema = require "gemini.schema"
local subset = require "gemini.schema_subset"


local function expect_function(text, wanted)
  expect(json.encode(schema.for_function(json.decode(text)))).to_be(wanted)
end


local function expect_answer(text, wanted)
  expect(json.encode(schema.for_answer(json.decode(text)))).to_be(wanted)
end


local function expect_subset(text, wanted)
  expect(subset.of(json.decode(text))).to_equal(json.decode(wanted))
end


describe("a JSON schema", function()
  it("stays as it is, in its order, where Gemini understands it", function()
    local text = '{"type":"object","$schema":"x","properties":{"z":{"type":["string","null"],'
      .. '"description":"d"},"a":{"type":"array",'
      .. '"items":{"anyOf":[{"type":"integer","minimum":0},{"$ref":"#/$defs/x"}]}}},"required":["z"],'
      .. '"additionalProperties":false,'
      .. '"$defs":{"x":{"type":"string","enum":["a","b"]}}}'
    expect_function(text, text)
    expect_answer(text, text)
  end)


  it("loses what is none of it, but no property of that name", function()
    expect_function('{"type":"object","strict":true,"cache_control":{"type":"x"},"eager_input_streaming":true,'
      .. '"properties":{"strict":{"type":"boolean"},"cache_control":{"strict":true}}}',
      '{"type":"object","properties":{"strict":{"type":"boolean"},"cache_control":{}}}')
  end)


  it("that is true or false is anything", function()
    expect_function('{"type":"object","properties":{"a":true,"b":false,"c":null},"additionalProperties":true}',
      '{"type":"object","properties":{"a":{},"b":{},"c":{}},"additionalProperties":true}')
    expect_answer('{"type":"array","items":true}', '{"type":"array","items":{}}')
  end)


  it("of a function is an object at its root", function()
    expect_function('{"properties":{"a":{}}}', '{"properties":{"a":{}},"type":"object"}')
    expect_function('{}', '{"type":"object"}')
    expect(schema.for_function(nil)).to_be_nil()
    expect(schema.for_function(json.null)).to_be_nil()
    expect_answer('{"type":"array","items":{"type":"string"}}', '{"type":"array","items":{"type":"string"}}')
  end)


  it("has an enum in the place of a const", function()
    expect_answer('{"type":"object","properties":{"a":{"const":"x"},"b":{"type":"integer","const":3},"c":{"const":true},'
      .. '"d":{"const":null}}}',
      '{"type":"object","properties":{"a":{"enum":["x"]},"b":{"type":"integer","enum":[3]},"c":{"type":"boolean"},'
      .. '"d":{"type":"null"}}}')
  end)


  it("has nothing beside a $ref, and its definitions where Gemini looks for them", function()
    expect_function('{"type":"object","properties":{"a":{"$ref":"#/definitions/x","description":"d"}},'
      .. '"definitions":{"x":{"type":"string"}}}',
      '{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"string"}}}')
    expect_function('{"$ref":"#/definitions/x","definitions":{"x":{"type":"object","properties":{"b":{},"a":{}}}}}',
      '{"type":"object","properties":{"b":{},"a":{}},"$defs":{"x":{"type":"object","properties":{"b":{},"a":{}}}}}')
  end)


  it("has a keyword of their own for the items of a tuple", function()
    expect_answer('{"type":"array","items":[{"type":"string"},true]}',
      '{"type":"array","prefixItems":[{"type":"string"},{}]}')
  end)


  it("of odd shapes does no harm", function()
    expect_function('{"properties":7,"anyOf":"x","items":null,"$ref":7,"definitions":1,"enum":{}}',
      '{"items":{},"enum":{},"type":"object"}')
  end)
end)


describe("a schema in Gemini's narrower language", function()
  it("has its references unfolded, and cycles cut", function()
    expect_subset('{"type":"object","properties":{"a":{"$ref":"#/$defs/x"},"b":{"$ref":"#/definitions/y"}},'
      .. '"$defs":{"x":{"type":"object","properties":{"again":{"$ref":"#/$defs/x"}}}},"definitions":{"y":{"type":"string"}}}',
      '{"type":"object","propertyOrdering":["a","b"],"properties":{"b":{"type":"string"},"a":{"type":"object",'
      .. '"propertyOrdering":["again"],"properties":{"again":{"type":"object","description":"As x above."}}}}}')
  end)


  it("has texts as enums, and no empty ones", function()
    expect_subset('{"const":"x"}', '{"type":"string","enum":["x"]}')
    expect_subset('{"enum":["a","",1,null]}', '{"type":"string","enum":["a","1"],"nullable":true}')
    expect_subset('{"type":"integer","enum":[1,2]}', '{"type":"integer"}')
  end)


  it("has one type, or several as alternatives, and null apart", function()
    expect_subset('{"type":["string","null"],"description":"d"}', '{"type":"string","nullable":true,"description":"d"}')
    expect_subset('{"type":["string","integer"]}', '{"anyOf":[{"type":"string"},{"type":"integer"}]}')
    expect_subset('{"anyOf":[{"type":"string"},{"type":"null"}]}', '{"anyOf":[{"type":"string"}],"nullable":true}')
    expect_subset('{"oneOf":[{"type":"string"},{"type":"number"}]}', '{"anyOf":[{"type":"string"},{"type":"number"}]}')
  end)


  it("has what must hold together in one", function()
    expect_subset('{"allOf":[{"properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"number"}},'
      .. '"required":["b"]}],"description":"d"}',
      '{"type":"object","description":"d","propertyOrdering":["a","b"],"required":["a","b"],'
        .. '"properties":{"a":{"type":"string"},'
      .. '"b":{"type":"number"}}}')
  end)


  it("loses what Gemini does not know there", function()
    expect_subset('{"type":"object","$schema":"x","$id":"y","title":"t","not":{},"if":{},'
      .. '"patternProperties":{},"examples":[1],'
      .. '"additionalProperties":false,"deprecated":true,"properties":{"a":{"type":"string","format":"email","minLength":1,'
      .. '"contentEncoding":"x"},"b":{"type":"string","format":"date-time"},"c":{"type":"number",'
      .. '"format":"int32","multipleOf":2}},'
      .. '"required":["a","x"]}',
      '{"type":"object","title":"t","propertyOrdering":["a","b","c"],"required":["a"],'
        .. '"properties":{"a":{"type":"string","minLength":1},'
      .. '"b":{"type":"string","format":"date-time"},"c":{"type":"number"}}}')
  end)


  it("has bounds that belong to it", function()
    expect_subset('{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10}',
      '{"type":"integer","minimum":1,"maximum":9}')
    expect_subset('{"type":"number","exclusiveMinimum":0}', '{"type":"number","minimum":0}')
  end)


  it("says what lists hold, and guesses types that are not said", function()
    expect_subset('{"type":"array"}', '{"type":"array","items":{"type":"string"}}')
    expect_subset('{"items":{"properties":{"a":{"enum":["x"]}}}}', '{"type":"array","items":{"type":"object",'
      .. '"propertyOrdering":["a"],"properties":{"a":{"type":"string","enum":["x"]}}}}')
  end)


  it("is nothing for a function without parameters", function()
    expect(subset.of_function(json.decode '{"type":"object","properties":{}}')).to_be_nil()
    expect(subset.of_function(json.decode '{"type":"object","properties":{"a":{"type":"string"}}}').type).to_be("object")
  end)
end)
