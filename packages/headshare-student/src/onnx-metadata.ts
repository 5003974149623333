/**
 * The metadata of an ONNX file (ModelProto.metadata_props, field 14 of onnx.proto), which onnxruntime-web does not show.
 * @throws Error if the bytes are no protobuf message, or are cut short
 */
export function onnxMetadata(bytes: Uint8Array): Map<string, string> {
  const entries = new Map<string, string>();
  for (const { field, value } of fields(bytes)) {
    if (field !== 14 || !value) continue;
    const texts = ['', ''];
    for (const part of fields(value)) {
      if (part.value && (part.field === 1 || part.field === 2))
        texts[part.field - 1] = new TextDecoder().decode(part.value);
    }
    entries.set(texts[0] as string, texts[1] as string);
  }
  return entries;
}

interface Field {
  readonly field: number;
  /** Bytes of fields with a length: texts and messages. */
  readonly value: Uint8Array | undefined;
}

function* fields(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw damaged();
  };
  while (at < bytes.length) {
    const tag = varint();
    const [field, kind] = [Math.floor(tag / 8), tag % 8];
    let value: Uint8Array | undefined;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      value = bytes.subarray(at, at + length);
      at += length;
    } else throw damaged();
    if (at > bytes.length || field === 0) throw damaged();
    yield { field, value };
  }
}

const damaged = () => new Error('This is no ONNX file, or it is cut short');
