/* SPDX-License-Identifier: Apache-2.0 */
/* How launches and graph kernel nodes are checked and filled. */
#ifndef SOFT_LAUNCH_H
#define SOFT_LAUNCH_H

#include "soft.h"

CUresult launch_check(const struct launch *l);
/* Completes an op whose function and dimensions are set; on success it is owned. */
CUresult launch_op(struct op *op, void **values, void **extra);

#endif
