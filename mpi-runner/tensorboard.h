/* tensorboard.h: scalars for TensorBoard, as an event file beside metrics.jsonl: `tensorboard --logdir FOLDER`.
 * TFRecord frames (https://www.tensorflow.org/tutorials/load_data/tfrecord) around tensorflow.Event messages
 * (tensorflow/core/util/event.proto), of which seven fields are used. */
#ifndef AIC_TENSORBOARD_H
#define AIC_TENSORBOARD_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct aic_tensorboard aic_tensorboard;

/* FOLDER/events.out.tfevents.SECONDS.HOST.PID. first_step: what earlier files of the folder hold from this step on is void, since the training
 * resumed here. */
aic_code aic_tensorboard_open(aic_tensorboard **t, const char *folder, uint64_t first_step, aic_error *err);
/* One value of the curve `tag` ("train/loss"), handed to the system at once. NULL t: nothing. */
void aic_tensorboard_scalar(aic_tensorboard *t, const char *tag, uint64_t step, float value);
aic_code aic_tensorboard_close(aic_tensorboard *t, aic_error *err); /* NULL is fine; says whether all was written */

/* CRC-32C (Castagnoli, RFC 3720 B.4). */
uint32_t aic_crc32c(const void *data, size_t len);

#endif
